import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError, type Decision } from '../../src/core/index.js';
import { decisionHead, decisionTail } from '../../src/telemetry/decision-line.js';
import { createLog } from '../../src/telemetry/index.js';

const decision: Decision = {
  requestId: 'r-1',
  method: 'GET',
  route: 'api',
  environment: 'production',
  client: 'billing "app"\n',
  status: 200,
  code: undefined,
  upstream: 'api.example.com',
  secrets: ['api_key@3'],
  durationMs: 1.23456,
};

function linesOf(
  write: (log: ReturnType<typeof createLog>) => void,
  level: 'info' | 'warn',
): unknown[] {
  let text = '';
  const log = createLog(level, {
    write: (piece: string | Uint8Array) => {
      text += Buffer.from(piece).toString();
    },
  });
  write(log);
  log.close();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('a decision is one line of names and numbers, the same way as every other line', () => {
  const lines = linesOf((log) => {
    log.decision(decision);
    log.decision({ ...decision, code: 'upstream_timeout', status: 504 });
    log.decision({ ...decision, retried: true });
    log.info('started', { port: 1 });
  }, 'info');
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const { code: _none, ...facts } = decision;
  expect(lines).toEqual([
    { level: 30, time, ...facts, durationMs: 1.23, event: 'request' },
    {
      level: 30,
      time,
      ...facts,
      status: 504,
      code: 'upstream_timeout',
      durationMs: 1.23,
      event: 'request',
    },
    { level: 30, time, ...facts, durationMs: 1.23, retried: true, event: 'request' },
    { level: 30, time, port: 1, event: 'started' },
  ]);
});

test('whatever the names are, a decision is valid JSON that says the same', () => {
  const name = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  fc.assert(
    fc.property(
      name,
      name,
      name,
      name,
      fc.array(fc.string()),
      (route, environment, client, upstream, secrets) => {
        const made: Decision = { ...decision, route, environment, client, upstream, secrets };
        const head = decisionHead(made, ',"time":"t"');
        const line = head + Buffer.from(decisionTail(made)).toString();
        // Of the same plan and client: the tail that was kept.
        expect(decisionTail({ ...made, requestId: 'other' })).toEqual(decisionTail(made));
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const read = JSON.parse(line);
        expect(read).toMatchObject(
          JSON.parse(JSON.stringify({ route, environment, client, upstream, secrets })),
        );
      },
    ),
  );
});

test('a level above info writes no decisions', () => {
  expect(linesOf((log) => log.decision(decision), 'warn')).toEqual([]);
});

test('a foreign error is named by class and code, never by its text', () => {
  const foreign = Object.assign(new TypeError('the value is hunter2'), { code: 'EBAD' });
  const lines = linesOf((log) => {
    log.error('failed', foreign);
    log.error(
      'failed',
      new AppError('store_unavailable', 'The store is busy.', { cause: foreign }),
    );
    log.error('failed', 'hunter2');
  }, 'info');
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(lines).toMatchObject([
    { event: 'failed', cause: 'TypeError EBAD' },
    {
      event: 'failed',
      code: 'store_unavailable',
      detail: 'The store is busy.',
      cause: 'TypeError EBAD',
    },
    { event: 'failed', code: 'internal_error' },
  ]);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { type CaptureOptions, runCaptured } from './capture.js';

const KIB = 1024;
let api: StandIn;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyferry-value-'));
  api = await startStandIn(({ method }) =>
    method === 'GET'
      ? { body: { items: [], nextCursor: null } }
      : { status: 201, body: { version: 2, state: 'staged' } },
  );
});
afterEach(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

async function add(argv: readonly string[], options: CaptureOptions = {}) {
  const words = ['versions', 'add', 'db', '-e', 'production', ...argv];
  const run = await runCaptured(words, { ...options, environment: api.environment });
  const sent = api.seen.find(({ method }) => method === 'POST');
  return { run, sent: sent === undefined ? undefined : JSON.parse(sent.body) };
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('a value', () => {
  it.each([
    ['canary', 'canary'],
    ['canary\n', 'canary'],
    ['canary\r\n', 'canary'],
    ['canary\n\n', 'canary\n'],
    ['  canary  ', '  canary  '],
    ['line one\nline two\n', 'line one\nline two'],
  ])('from standard input loses exactly one newline: %j', async (stdin, value) => {
    const { run, sent } = await add([], { stdin });
    expect(run.exitCode).toBe(0);
    expect(sent).toEqual({ value });
    expect(run.stdout + run.stderr).not.toContain('canary');
  });

  it('keeps its newline with --keep-newline', async () => {
    expect((await add(['--keep-newline'], { stdin: 'canary\n' })).sent).toEqual({
      value: 'canary\n',
    });
  });

  it('comes from a file', async () => {
    const path = file('value', 'canary\n');
    expect((await add(['--value-file', path], { stdin: 'other' })).sent).toEqual({
      value: 'canary',
    });
  });

  it('that is not text goes as base64', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    expect((await add([], { stdin: bytes })).sent).toEqual({
      valueBase64: bytes.toString('base64'),
    });
  });

  it('of 64 KiB is taken, a larger one refused before it is sent', async () => {
    const largest = 'c'.repeat(64 * KIB);
    expect((await add([], { stdin: `${largest}\n` })).sent).toEqual({ value: largest });
    api.seen.length = 0;
    const { run, sent } = await add([], { stdin: `${largest}c` });
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('larger than 64 KiB');
    expect(sent).toBeUndefined();
  });

  it.each(['', '\n'])('that is empty (%j) is refused before it is sent', async (stdin) => {
    const { run, sent } = await add([], { stdin });
    expect(run.stderr).toContain('standard input held no value');
    expect(sent).toBeUndefined();
  });

  it('is asked for at a hidden prompt on a terminal', async () => {
    const { run, sent } = await add([], { typed: 'canary\r' });
    expect(run.exitCode).toBe(0);
    expect(sent).toEqual({ value: 'canary' });
    expect(run.stderr).toContain('Value of db in production');
    expect(run.stdout + run.stderr).not.toContain('canary');
  });

  it('is not sent when the prompt is left with Ctrl-C', async () => {
    const { run, sent } = await add([], { typed: 'can\u0003' });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('cancelled');
    expect(sent).toBeUndefined();
  });

  it('of several lines pasted at the prompt is refused, not cut to its first line', async () => {
    const { run, sent } = await add([], { typed: '-----BEGIN KEY-----\rcanary\r' });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('--value-file');
    expect(run.stdout + run.stderr).not.toContain('canary');
    expect(sent).toBeUndefined();
  });

  it('is asked for only after the server knows the names', async () => {
    await api.close();
    api = await startStandIn(() => ({
      status: 404,
      body: { code: 'not_found', detail: 'There is no secret "db".' },
    }));
    const { run } = await add([], { typed: 'canary\r' });
    expect(run.exitCode).toBe(2);
    expect(run.stderr).not.toContain('Value of');
  });
});

describe('a value of several fields', () => {
  it('comes from a JSON file or from standard input', async () => {
    const fields = { accessKeyId: 'canary-1', secretAccessKey: 'canary-2' };
    const text = JSON.stringify(fields);
    expect((await add(['--fields', file('f.json', text)])).sent).toEqual({ value: fields });
    api.seen.length = 0;
    expect((await add(['--fields', '-'], { stdin: text })).sent).toEqual({ value: fields });
  });

  it('is asked for, field by field', async () => {
    const { sent, run } = await add(['--field', 'accessKeyId'], { typed: 'canary\r' });
    expect(sent).toEqual({ value: { accessKeyId: 'canary' } });
    expect(run.stderr).toContain('field accessKeyId');
  });

  it.each([
    ['canary', 'not JSON'],
    ['["canary"]', 'not an object'],
    ['{"a": 1}', 'field a'],
    ['{"a": ""}', 'field a'],
    ['{}', 'is empty'],
  ])('that is wrong is explained, not repeated: %s', async (text, message) => {
    const { run, sent } = await add(['--fields', file('f.json', text)]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(message);
    expect(run.stderr).not.toContain('canary');
    expect(sent).toBeUndefined();
  });

  it('never takes the value of a field as an argument', async () => {
    const { run } = await add(['--field', 'accessKeyId=canary']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('name of a field only');
    expect(run.stderr).not.toContain('canary');
  });
});

describe('sources of a value', () => {
  it('exclude each other', async () => {
    const path = file('value', 'canary');
    const { run } = await add(['--value-file', path, '--fields', path]);
    expect(run.stderr).toContain('only one of');
  });

  it('that cannot be read are named by their option: the path may be a value', async () => {
    const { run } = await add(['--value-file', '/nowhere/canary']);
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toContain('the file of --value-file cannot be read (ENOENT)');
    expect(run.stderr).not.toContain('canary');
  });
});

describe('the first value with secrets create', () => {
  it('needs an environment', async () => {
    const words = ['secrets', 'create', 'db', '--value-file', file('value', 'canary')];
    const run = await runCaptured(words, { environment: api.environment });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('--environment');
    expect(api.seen).toEqual([]);
  });

  it('that is refused takes the new secret away again', async () => {
    await api.close();
    api = await startStandIn(({ method, url }) => {
      if (method === 'GET') return { body: { items: [], nextCursor: null } };
      if (method === 'DELETE') return { status: 204, body: '' };
      if (url === '/v1/secrets') return { status: 201, body: { name: 'db' } };
      return { status: 422, body: { code: 'value_invalid', detail: 'A header cannot hold it.' } };
    });
    const words = ['secrets', 'create', 'db', '-e', 'production'];
    const run = await runCaptured(words, { environment: api.environment, stdin: 'canary' });
    expect(run).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'error: A header cannot hold it. (value_invalid)\n',
    });
    expect(api.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v1/secrets?environment=production&limit=1',
      'POST /v1/secrets',
      'POST /v1/secrets/db/environments/production/versions',
      'DELETE /v1/secrets/db',
    ]);
  });
});

import { describe, expect, test } from 'vitest';
import { AnswerReader } from '../support/answer-reader.js';
import { type DesyncCase, readDesyncCorpus } from '../support/desync-corpus.js';
import { apiRoute, openProxy, REAL_KEY } from '../support/start-proxy.js';
import { openStrictUpstream, type StrictRequest } from '../support/strict-upstream.js';

const corpus = readDesyncCorpus();

const SMUGGLED =
  'GET /smuggled HTTP/1.1\r\nHost: a\r\nKeyferry-Token: {T}\r\nConnection: close\r\n\r\n';
/** A longer body is not sent: such a request waits for it, and is given up. */
const LONGEST_BODY = 2_000_000;

/** What follows the head: as each way to read it would have the body, with another request after it. */
function tailsOf(one: DesyncCase, smuggled: string): readonly string[] {
  const lengths = one.headers
    .filter(([name]) => /content.length/i.test(name))
    .map(([, value]) => Math.min(Number(/\d+/.exec(value)?.[0] ?? 0), LONGEST_BODY));
  const bodies = ['', '0\r\n\r\n', ...new Set(lengths.map((length) => 'A'.repeat(length)))];
  return bodies.map((body) => body + smuggled);
}

interface Outcome {
  readonly statuses: readonly number[];
  readonly arrived: readonly StrictRequest[];
}

async function runCorpus(cases: readonly DesyncCase[]) {
  const arrived: StrictRequest[] = [];
  const upstream = await openStrictUpstream((request) => {
    arrived.push(request);
    return 'ok';
  });
  const rig = await openProxy({ limits: { bodyIdleMs: 100, headersTimeoutMs: 500 } });
  await rig.secret('api_key', { production: REAL_KEY });
  await rig.routes([apiRoute(upstream.origin, { match: { pathPrefix: '/' } })]);
  const { token } = await rig.client('production');
  const smuggled = SMUGGLED.replace('{T}', token);
  const outcomes = new Map<DesyncCase, readonly Outcome[]>();
  try {
    for (const one of cases) {
      const hasHost = one.headers.some(([name]) => name.toLowerCase() === 'host');
      const lines = [
        one.requestLine,
        ...(hasHost ? [] : ['Host: a']),
        `Keyferry-Token: ${token}`,
        ...one.headers.map(([name, value]) => `${name}: ${value}`),
      ];
      const own: Outcome[] = [];
      for (const tail of tailsOf(one, smuggled)) {
        arrived.length = 0;
        const client = await AnswerReader.connect(rig.port);
        client.send(`${lines.join('\r\n')}\r\n\r\n${tail}`);
        const statuses: number[] = [];
        for (;;) {
          const answer = await client.answer();
          if (answer === undefined) break;
          statuses.push(answer.status);
        }
        own.push({ statuses, arrived: [...arrived] });
      }
      outcomes.set(one, own);
    }
    while (rig.proxy.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const accepted = rig.decisions.filter(
      ({ status, code }) => status === 200 && code === undefined,
    );
    return { outcomes, upstream, accepted: accepted.length };
  } finally {
    await rig.close();
    upstream.close();
  }
}

/** The contract takes less than the corpus: no other coding than a single `chunked`, no other target than a path. */
function isRefusedByContract({ headers, requestLine }: DesyncCase): boolean {
  const codings = headers.filter(([name]) => name.toLowerCase() === 'transfer-encoding');
  const coding = codings.map(([, value]) => value.trim().toLowerCase()).join();
  return (
    (coding !== '' && coding !== 'chunked') || !/^\S+ \/[^\\#\s\x80-\xff]* HTTP/.test(requestLine)
  );
}

/** GET and HEAD with a body, which the corpus takes for ambiguous: it goes on once, on a connection of its own. */
function passesAlone({ arrived }: Outcome, tail: string): boolean {
  const own = arrived.filter(({ target }) => target !== '/smuggled');
  const isWhole = own.every(({ body }) => body === '' || tail.startsWith(body));
  return own.length === 1 && isWhole && own.every(({ closes }) => closes);
}

describe.skipIf(corpus === undefined)(
  'the third-party desync corpus (skipped where absent)',
  () => {
    test('each of its requests is refused, or arrives as the one request that it is', async () => {
      const cases = corpus ?? [];
      const { outcomes, upstream, accepted } = await runCorpus(cases);
      expect(cases).toHaveLength(159);
      expect(upstream.violations).toEqual([]);
      expect(upstream.requests).toBe(accepted);
      for (const [one, own] of outcomes) {
        const isRefused = own.every(
          ({ statuses, arrived }) => statuses.join() === '400' && arrived.length === 0,
        );
        const shown = own.map(({ statuses, arrived }) => [
          statuses,
          arrived.map(({ head, body, closes }) => [head.split('\r\n')[0], body.length, closes]),
        ]);
        const what = `${one.tier} (${one.reason}) ${one.name}: ${JSON.stringify(shown)}`;
        if (one.tier === 'Severe') {
          expect(isRefused, what).toBe(true);
        } else if (one.tier === 'Ambiguous' && !isRefused) {
          expect(['GET', 'HEAD'], what).toContain(one.method);
          expect(one.reason, what).toMatch(/^Undefined\w+Semantics$/);
          for (const [at, outcome] of own.entries()) {
            if (outcome.arrived.length === 0) continue;
            expect(passesAlone(outcome, tailsOf(one, SMUGGLED)[at] ?? ''), what).toBe(true);
          }
        } else if (one.tier === 'Compliant') {
          const passes = own.some(({ statuses }) => statuses[0] === 200);
          const waits = own.every(({ statuses }) => statuses[0] === 408);
          expect(passes || waits, what).toBe(!isRefusedByContract(one));
        }
      }
    });
  },
);

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { eventually } from '../support/raw-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { NEW_KEY, OLD_KEY, startCutover } from '../support/start-cutover.js';

const KEPT_BYTES = 2000;
const KEYS = { old: OLD_KEY, new: NEW_KEY } as const;
type Side = keyof typeof KEYS;
const OTHER: Readonly<Record<Side, Side>> = { old: 'new', new: 'old' };

const side = fc.constantFrom<Side>('old', 'new');
const scenario = fc.record({
  http2: fc.boolean(),
  /** The version that the request is sent by, and whether that one is current. */
  first: side,
  isCurrent: fc.boolean(),
  accepts: fc.subarray<Side>(['old', 'new']),
  refusesEarly: fc.boolean(),
  /** What is current at the end of the cutover, where it ends while the first attempt is under way. */
  ends: fc.option(side, { nil: undefined }),
  method: fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'),
  pieces: fc.array(
    fc.oneof(fc.constantFrom(1, KEPT_BYTES, KEPT_BYTES + 1), fc.integer({ min: 1, max: 900 })),
    { maxLength: 4 },
  ),
  inChunks: fc.boolean(),
});

test('whatever comes when: what one live version accepts is answered so, and was accepted once', async () => {
  const rigs = await Promise.all(
    [false, true].map(async (http2) => {
      const upstream = await startKeyedUpstream([], { http2 });
      const options = { http2, refusedCredential: { maxRetryBytes: KEPT_BYTES } };
      return { upstream, rig: await startCutover(upstream.origin, options) };
    }),
  );
  await fc.assert(
    fc.asyncProperty(scenario, async (drawn) => {
      const { upstream, rig } = rigs[Number(drawn.http2)] as (typeof rigs)[number];
      const { first, ends, accepts, pieces, method } = drawn;
      const current = drawn.isCurrent ? first : OTHER[first];
      // The old version is tried first by nobody: in the window it is only the other one.
      const isWindow = current === 'new';
      if (isWindow && first === 'old') return;
      if (isWindow) rig.window();
      else rig.canary({ share: first === 'new' ? 1 : 0 });
      upstream.accepts.clear();
      for (const one of accepts) upstream.accepts.add(KEYS[one]);
      upstream.refusesEarly = drawn.refusesEarly;
      upstream.seen.length = 0;
      upstream.heads = 0;
      upstream.pace = (key) => {
        if (ends !== undefined && key === KEYS[first]) rig.settle(ends);
      };
      const text = pieces.map((length, index) => String(index).repeat(length));
      const body = drawn.inChunks && text.length > 0 ? text : text.join('');
      const before = rig.decisions.length;
      const reply = await sendRequest(rig, {
        method,
        body,
        // The head is there before the rest of the body is.
        pace: (index) => (index === 1 ? eventually(() => upstream.heads > 0) : undefined),
      });
      await rig.ended(before + 1);
      await eventually(() => upstream.seen.length === upstream.heads || reply.status === 401);
      const whole = text.join('');
      const isKept = whole.length <= KEPT_BYTES;
      const second = ends === undefined || ends !== first ? OTHER[first] : undefined;
      const good = accepts.includes(first)
        ? first
        : isKept && second !== undefined && accepts.includes(second)
          ? second
          : undefined;
      const accepted = upstream.seen.filter(({ status }) => status === 200);
      expect(upstream.heads).toBeLessThanOrEqual(2);
      expect(reply.complete).toBe(true);
      if (good === undefined) {
        expect([reply.status, reply.body, accepted.length]).toEqual([401, 'refused', 0]);
      } else {
        expect([reply.status, reply.body]).toEqual([200, `taken: ${whole}`]);
        expect(accepted.map(({ key, body: got, method: by }) => [key, got, by])).toEqual([
          [KEYS[good], whole, method],
        ]);
        const secrets = [`api_key@${good === 'old' ? 1 : 2}`];
        expect(rig.decisions.at(-1)).toMatchObject({ status: 200, secrets });
      }
    }),
    { seed: 4, numRuns: 250 },
  );
});

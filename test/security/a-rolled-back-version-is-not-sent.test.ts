import { describe, expect, it } from 'vitest';
import { startKeyedUpstream, startTurnstile } from '../support/keyed-upstream.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { eventually } from '../support/raw-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { type CutoverRig, NEW_KEY, OLD_KEY, startCutover } from '../support/start-cutover.js';
import { TEST_CA, UPSTREAM_CERTIFICATE } from '../support/start-http2-proxy.js';

/** Ends of a cutover after which one version must not be sent any more. */
const ENDS: readonly {
  readonly name: string;
  readonly begin: (rig: CutoverRig) => void;
  readonly end: (rig: CutoverRig) => void;
  readonly gone: string;
  readonly live: string;
}[] = [
  {
    name: 'the new version is rolled back from its first step',
    begin: (rig) => rig.canary(),
    end: (rig) => rig.settle('old'),
    gone: NEW_KEY,
    live: OLD_KEY,
  },
  {
    name: 'the new version is rolled back when it was current',
    begin: (rig) => rig.window(),
    end: (rig) => rig.settle('old'),
    gone: NEW_KEY,
    live: OLD_KEY,
  },
  {
    name: 'the window of the old version ends',
    begin: (rig) => rig.canary({ share: 0 }),
    end: (rig) => rig.settle('new'),
    gone: OLD_KEY,
    live: NEW_KEY,
  },
];

describe.each(ENDS)('when $name, it is not sent', ({ begin, end, gone, live }) => {
  it('by a request whose body had not come', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY, NEW_KEY]);
    const rig = await startCutover(upstream.origin);
    begin(rig);
    for (const framing of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      begin(rig);
      const client = await rawClient(rig.port);
      client.send(requestHead('POST', '/api/x', rig.token, [framing]));
      await eventually(() => rig.proxy.inFlight === 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
      end(rig);
      client.send(framing.startsWith('C') ? 'hello' : '5\r\nhello\r\n0\r\n\r\n');
      expect(await client.until((text) => text.includes('hello'))).toContain('200 OK');
      client.socket.destroy();
      await eventually(() => rig.proxy.inFlight === 0);
    }
    expect(upstream.keys()).toEqual([live, live]);
    expect(upstream.seen.map(({ body }) => body)).toEqual(['hello', 'hello']);
  });

  it('by a request whose body was being gathered', async () => {
    const upstream = await startKeyedUpstream([OLD_KEY, NEW_KEY]);
    const headers = { Authorization: 'Bearer <<secret:api_key>>' };
    const body = { json: { '/extra': '<<secret:api_key>>' } };
    const long = 'x'.repeat(100 * 1024);
    for (const retry of [true, false]) {
      const rig = await startCutover(upstream.origin, {
        headers,
        body,
        refusedCredential: { retry },
      });
      begin(rig);
      const reply = await sendRequest(rig, {
        headers: { 'content-type': 'application/json' },
        body: [`{"long":"${long}`, '"}'],
        pace: async (index) => {
          if (index !== 1) return;
          await eventually(() => rig.proxy.inFlight === 1);
          end(rig);
        },
      });
      expect(reply.status).toBe(200);
      expect(reply.body).toContain(long);
    }
    expect(upstream.keys()).toEqual([live, live]);
    for (const { body: text } of upstream.seen) expect(text).not.toContain(gone);
  });

  it('by a request that waited for its connection', async () => {
    for (const http2 of [false, true]) {
      const secure = http2 ? {} : { tls: UPSTREAM_CERTIFICATE };
      const upstream = await startKeyedUpstream([OLD_KEY, NEW_KEY], { http2, ...secure });
      const turnstile = await startTurnstile(upstream.origin);
      const bodies = [undefined, 'hello', ['he', 'llo'], 'x'.repeat(200_000)];
      for (const [index, body] of bodies.entries()) {
        const route = http2 ? { http2 } : { tls: { ca: TEST_CA } };
        const rig = await startCutover(turnstile.origin, route);
        begin(rig);
        const reply = sendRequest(rig, body === undefined ? {} : { body });
        await eventually(() => turnstile.waiting.length > 0);
        end(rig);
        const pass = setInterval(() => turnstile.waiting.shift()?.(), 5);
        expect(await reply).toMatchObject({ status: 200 });
        clearInterval(pass);
        expect(upstream.seen[index]?.body).toBe([body ?? ''].flat().join(''));
        await rig.proxy.close(0);
      }
      expect(upstream.keys()).toEqual([live, live, live, live]);
    }
  });
});

describe('a version that is gone is not sent by a second attempt', () => {
  it('that would have begun later', async () => {
    const upstream = await startKeyedUpstream([]);
    const rig = await startCutover(upstream.origin);
    for (const [begin, end, key] of [
      [() => rig.canary({ share: 0 }), () => rig.settle('old'), OLD_KEY],
      [() => rig.window(), () => rig.settle('new'), NEW_KEY],
    ] as const) {
      begin();
      upstream.pace = end;
      expect((await sendRequest(rig, { body: 'hello' })).status).toBe(401);
      expect(upstream.seen.splice(0).map((seen) => seen.key)).toEqual([key]);
    }
  });

  it('that waits for its connection: the first refusal is passed on', async () => {
    const upstream = await startKeyedUpstream([NEW_KEY], { tls: UPSTREAM_CERTIFICATE });
    upstream.closes = true;
    const turnstile = await startTurnstile(upstream.origin);
    const rig = await startCutover(turnstile.origin, { tls: { ca: TEST_CA } });
    rig.canary({ share: 0 });
    const reply = sendRequest(rig, { body: 'hello' });
    await eventually(() => turnstile.waiting.length === 1);
    turnstile.waiting.shift()?.();
    await eventually(() => turnstile.waiting.length === 1);
    rig.settle('old');
    turnstile.waiting.shift()?.();
    expect(await reply).toMatchObject({ status: 401, body: 'refused', complete: true });
    expect(upstream.keys()).toEqual([OLD_KEY]);
    await rig.ended(1);
    expect(rig.decisions).toMatchObject([{ status: 401, secrets: ['api_key@1'] }]);
  });

  it('of a client that was revoked meanwhile', async () => {
    const upstream = await startKeyedUpstream([NEW_KEY]);
    const rig = await startCutover(upstream.origin);
    rig.canary({ share: 0 });
    upstream.pace = async () => {
      await rig.store.revokeClient({ actor: TEST_ACTOR, id: rig.clientId });
      await rig.keeper.catchUp();
    };
    expect((await sendRequest(rig)).status).toBe(401);
    expect(upstream.keys()).toEqual([OLD_KEY]);
  });
});

import { describe, expect, it } from 'vitest';
import { type Cutover, DEFAULT_CUTOVER_SETTINGS, SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { eventually } from '../support/raw-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { apiRoute, type ProxyBefore, REAL_KEY, startProxyBefore } from '../support/start-proxy.js';
import { sendAnswer, startUpstream } from '../support/start-upstream.js';

const actor = TEST_ACTOR;
const environment = 'production';
const NEXT_KEY = 'real_live_next_83bb50fc72e94a1d';

/** Adds version 2 and moves a cutover to it to its first step. */
async function begin(
  rig: ProxyBefore,
  secret: string,
  text: string,
  share: number,
): Promise<Cutover> {
  const value = SecretValue.fromText(text);
  const { version: toVersion } = await rig.store.addVersion({ actor, secret, environment, value });
  const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: [share, 100] };
  const at = { actor, secret, environment, toVersion, toSecret: null, settings };
  const { id } = await rig.store.startCutover(at);
  const place = { ifState: 'PENDING', ifStep: 0, evidence: null } as const;
  const begun = await rig.store.advanceCutover({ actor, id, ...place });
  await rig.keeper.catchUp();
  return begun;
}

async function counts(rig: ProxyBefore, { id }: Cutover): Promise<Record<string, number[]>> {
  await rig.usage.flush();
  const found: Record<string, number[]> = {};
  for (const row of await rig.store.observationsOf(id)) {
    const { side, accepted, refused, pairedRefusals, sharedRefusals } = row;
    const before = found[side] ?? [0, 0, 0, 0];
    found[side] = [accepted, refused, pairedRefusals, sharedRefusals].map(
      (count, index) => count + (before[index] ?? 0),
    );
  }
  return found;
}

describe('cutovers of the store', () => {
  it('are observed request by request: counts of both sides add up to what was sent', async () => {
    const upstream = await startUpstream((seen, response) => {
      const isGood = seen.headers.authorization === `Bearer ${REAL_KEY}`;
      sendAnswer(response, { status: isGood ? 200 : 401 });
    });
    const rig = await startProxyBefore(upstream.origin);
    const cutover = await begin(rig, 'api_key', NEXT_KEY, 40);
    for (let i = 0; i < 60; i++) expect((await sendRequest(rig)).status).toBe(200);
    const tried = upstream.seen.length - 60;
    expect(tried).toBeGreaterThan(5);
    expect(tried).toBeLessThan(50);
    expect(await counts(rig, cutover)).toEqual({
      old: [60, 0, 0, 0],
      new: [0, tried, tried, 0],
    });
  });

  it('have every answer searched for both values: the upstream was sent either', async () => {
    const sent = new Set<string>();
    const upstream = await startUpstream((seen, response) => {
      const key = String(seen.headers.authorization);
      sent.add(key);
      const status = key === `Bearer ${REAL_KEY}` ? 200 : 401;
      sendAnswer(response, { status, body: `known: ${REAL_KEY} and ${NEXT_KEY}` });
    });
    const rig = await startProxyBefore(upstream.origin);
    await begin(rig, 'api_key', NEXT_KEY, 50);
    for (let i = 0; i < 30 || sent.size < 2; i++) {
      const { status, body } = await sendRequest(rig);
      expect([status, body.match(/real_live/g)]).toEqual([200, null]);
      expect(body).toMatch(/^known: .+ and .+$/);
    }
    expect(rig.echoes[0]).toMatchObject({ secrets: ['api_key'] });
  });

  it('two on one route: each request tries one, and speaks for the other as its control', async () => {
    const good = { key: REAL_KEY, second: 'second_old_11112222' };
    const upstream = await startUpstream((seen, response) => {
      const isGood =
        seen.headers.authorization === `Bearer ${good.key}` &&
        seen.headers['x-second'] === good.second;
      sendAnswer(response, { status: isGood ? 200 : 401 });
    });
    const rig = await startProxyBefore(upstream.origin);
    await rig.secret('second', { [environment]: good.second });
    await rig.routes([
      apiRoute(upstream.origin, {
        headers: { Authorization: 'Bearer <<secret:api_key>>', 'X-Second': '<<secret:second>>' },
      }),
    ]);
    const first = await begin(rig, 'api_key', NEXT_KEY, 30);
    const other = await begin(rig, 'second', 'second_new_33334444', 30);
    for (let i = 0; i < 60; i++) expect((await sendRequest(rig)).status).toBe(200);
    const both = upstream.seen.filter(
      ({ headers }) =>
        headers.authorization !== `Bearer ${good.key}` && headers['x-second'] !== good.second,
    );
    expect(both).toEqual([]);
    const ofFirst = upstream.seen.filter(
      ({ headers }) => headers.authorization !== `Bearer ${good.key}`,
    ).length;
    const ofOther = upstream.seen.filter(
      ({ headers }) => headers['x-second'] !== good.second,
    ).length;
    expect(await counts(rig, first)).toEqual({ old: [60, 0, 0, 0], new: [0, ofFirst, ofFirst, 0] });
    expect(await counts(rig, other)).toEqual({ old: [60, 0, 0, 0], new: [0, ofOther, ofOther, 0] });
    // Now what the current versions are is refused: the newest cutover's other side is tried.
    good.second = 'second_new_33334444';
    const before = upstream.seen.length;
    for (let i = 0; i < 40; i++) expect((await sendRequest(rig)).status).toBeLessThan(402);
    expect(upstream.seen.length - before).toBeLessThanOrEqual(80);
    const late = await counts(rig, other);
    expect(late.old?.[2]).toBeGreaterThan(0);
    expect(late.new?.[0]).toBeGreaterThan(0);
  });

  it('25 rollbacks under load: nothing that began after one was sent with what it took back', async () => {
    const upstream = await startUpstream((seen, response) => {
      sendAnswer(response, { status: seen.headers.authorization?.includes(NEXT_KEY) ? 401 : 200 });
    });
    const rig = await startProxyBefore(upstream.origin);
    let stopped = false;
    let failed = 0;
    // Odd while a cutover is under way, even from the answer to its rollback on.
    let phase = 0;
    const underWay = new Set<Promise<unknown>>();
    const load = async (): Promise<void> => {
      while (!stopped) {
        const headers = { 'x-phase': phase };
        const sent = sendRequest(rig, { body: ['some ', 'body'], headers });
        underWay.add(sent);
        const { status } = await sent;
        underWay.delete(sent);
        if (status !== 200) failed++;
      }
    };
    const loads = Array.from({ length: 4 }, load);
    const more = async (count: number): Promise<void> => {
      const before = upstream.seen.length;
      await eventually(() => upstream.seen.length > before + count);
    };
    for (let round = 0; round < 25; round++) {
      phase++;
      // One that was sent before may arrive when the next cutover is under way, and is then rightly tried.
      await Promise.all(underWay);
      const { id } = await begin(rig, 'api_key', NEXT_KEY, 50);
      await more(4);
      if (round % 2 === 1) {
        const place = { ifState: 'CANARY', ifStep: 0, evidence: null } as const;
        await rig.store.advanceCutover({ actor, id, ...place });
        await rig.keeper.catchUp();
        await more(8);
      }
      await rig.store.rollbackCutover({ actor, id, reason: 'a test' });
      await rig.keeper.catchUp();
      phase++;
      await more(8);
    }
    stopped = true;
    await Promise.all(loads);
    const withNext = upstream.seen.filter(({ headers }) =>
      headers.authorization?.includes(NEXT_KEY),
    );
    const stale = withNext.filter(({ headers }) => Number(headers['x-phase']) % 2 === 0);
    expect(withNext.length).toBeGreaterThan(50);
    expect([stale.length, failed]).toEqual([0, 0]);
  });
});

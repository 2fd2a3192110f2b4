import { expect, test } from 'vitest';
import { startCredentialUpstream } from '../support/credential-upstream.js';
import {
  clientsOf,
  currentVersion,
  NEW_KEY,
  OLD_KEY,
  prepareCutover,
  showCutover,
  startCutover,
  untilCutover,
} from '../support/cutover-rig.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { startLoad } from '../support/steady-load.js';
import { campaign as kills } from '../torture/campaigns/cutover-kills.js';
import { campaign as load } from '../torture/campaigns/cutover-load.js';
import { campaign as toggles } from '../torture/campaigns/cutover-toggles.js';
import { expectClean } from '../torture/expect-clean.js';

const SOON = { stepMinSeconds: 1, stepMinSamples: 20, steps: [50, 100] };

async function startRig(clients: number, ...good: string[]) {
  const upstream = await startCredentialUpstream(...good);
  const keyferry = await startKeyferry();
  await prepareCutover(keyferry, upstream.origin);
  const tokens: string[] = [];
  while (tokens.length < clients) tokens.push(await keyferry.client('production'));
  return { upstream, keyferry, ask: clientsOf(keyferry, tokens) };
}

/** Requests of which each must be answered with 200. */
function startGoodLoad(perSecond: number, ask: (call: number) => Promise<number>) {
  return startLoad(perSecond, async (call) => {
    const status = await ask(call);
    if (status !== 200) throw new Error(`status ${status}`);
  });
}

test('a version that is refused is rolled back in the first step, and no client sees a failure', async () => {
  const { keyferry, ask } = await startRig(5, OLD_KEY);
  const load = startGoodLoad(60, ask);
  const { id } = await startCutover(keyferry);
  const ended = await untilCutover(keyferry, id, { state: 'ROLLED_BACK' });
  expect((await load.stop()).failures).toEqual([]);
  const evidence = {
    new: { accepted: 0, failed: 0 },
    probabilityWithoutClient: expect.any(Number),
  };
  expect(ended).toMatchObject({
    step: 0,
    endedByItself: true,
    reason: expect.stringContaining('was refused'),
    evidence,
  });
  expect(await currentVersion(keyferry)).toEqual([1]);
  const audit = await keyferry.admin('GET', '/v1/audit?action=cutover.rollback');
  expect(audit).toMatchObject({
    items: [
      { actor: { type: 'system' }, detail: { cutover: id, evidence: { new: { accepted: 0 } } } },
    ],
  });
});

test('from CURRENT it is rolled back likewise, also where there is one client only', async () => {
  const { keyferry, ask } = await startRig(1, OLD_KEY);
  const load = startGoodLoad(40, ask);
  const { id } = await startCutover(keyferry, { steps: [100] });
  await untilCutover(keyferry, id, { state: 'ROLLED_BACK' });
  expect((await load.stop()).failures).toEqual([]);
  expect(await currentVersion(keyferry)).toEqual([1]);
});

test('an upstream that fails as a whole rolls nothing back; the cutover goes on when that is over', async () => {
  const { upstream, keyferry, ask } = await startRig(4, OLD_KEY, NEW_KEY);
  const isGood = upstream.answer;
  upstream.answer = () => 500;
  const load = startLoad(50, async (call) => void (await ask(call)));
  const { id } = await startCutover(keyferry, SOON);
  await untilCutover(keyferry, id, { hold: 'upstream_failing' });
  upstream.answer = () => 401;
  await untilCutover(keyferry, id, { hold: 'control_refused' });
  upstream.answer = isGood;
  await untilCutover(keyferry, id, { state: 'CURRENT' });
  expect((await load.stop()).failures).toEqual([]);
});

test('one hostile client that forces refusals rolls nothing back', async () => {
  const { upstream, keyferry, ask } = await startRig(3, OLD_KEY, NEW_KEY);
  const mallory = clientsOf(keyferry, [await keyferry.client('production')]);
  let forced = 0;
  upstream.answer = (_key, { url = '' }) => {
    if (url.startsWith('/always')) return 401;
    return url.startsWith('/alternating') && forced++ % 2 === 0 ? 401 : 200;
  };
  const load = startGoodLoad(40, ask);
  const hostile = startLoad(60, async (call) => {
    await mallory(call, call % 2 === 0 ? '/api/always' : '/api/alternating');
  });
  const { id } = await startCutover(keyferry, SOON);
  await untilCutover(keyferry, id, { hold: 'one_client' });
  await hostile.stop();
  await untilCutover(keyferry, id, { state: 'CURRENT' });
  expect((await load.stop()).failures).toEqual([]);
});

test('several cutovers of one route go on beside each other', async () => {
  const upstream = await startCredentialUpstream(OLD_KEY, NEW_KEY);
  const keyferry = await startKeyferry();
  await keyferry.secret('second', { production: 'second-1' });
  await prepareCutover(keyferry, upstream.origin, {
    headers: { Authorization: 'Bearer <<secret:key>>', 'X-Second': '<<secret:second>>' },
  });
  const second = '/v1/secrets/second/environments/production';
  await keyferry.admin('POST', `${second}/versions`, { value: 'second-2' });
  const isGood = upstream.answer;
  upstream.answer = (key, request) =>
    request.headers['x-second'] === 'second-1' ? isGood(key, request) : 401;
  const tokens = [await keyferry.client('production'), await keyferry.client('production')];
  const load = startGoodLoad(40, clientsOf(keyferry, tokens));
  const good = await startCutover(keyferry, { ...SOON, steps: [40, 100] });
  const bad = await keyferry.admin<{ id: string }>('POST', `${second}/cutovers`, {
    toVersion: 2,
    steps: [40, 100],
  });
  await untilCutover(keyferry, bad.id, { state: 'ROLLED_BACK' });
  await untilCutover(keyferry, good.id, { state: 'CURRENT' });
  expect((await load.stop()).failures).toEqual([]);
});

test('too few samples are never enough', async () => {
  const { keyferry, ask } = await startRig(1, OLD_KEY, NEW_KEY);
  const { id } = await startCutover(keyferry, { ...SOON, stepMinSeconds: 0 });
  await untilCutover(keyferry, id, { state: 'CANARY' });
  const load = startGoodLoad(5, ask);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await load.stop();
  expect(await showCutover(keyferry, id)).toMatchObject({ state: 'CANARY', step: 0, hold: null });
});

test('under load of 50 clients no request fails, and each is counted for one version', async () => {
  await expectClean(load, 600);
});

test('2 times killed: one current version, nothing that was rolled back is sent, and it goes on', async () => {
  await expectClean(kills, 2);
});

test('15 cutovers ended under load: what ended is not sent after the answer, nor by a retry', async () => {
  await expectClean(toggles, 15);
});

import { request as sendRequest } from 'node:http';
import { onTestFinished } from 'vitest';
import { NEW_KEY, OLD_KEY, prepareCutover, untilCutover } from '../../support/cutover-rig.js';
import { startPlainUpstream } from '../../support/plain-upstream.js';
import { seededRandom } from '../../support/seeded-random.js';
import { startKeyferry } from '../../support/start-keyferry.js';
import { keepAlive, startLoad } from '../../support/steady-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const PER_SECOND = 150;
const REFUSED = 0.3;
const BASE = '/v1/secrets/key/environments/production';

/**
 * Cutovers are begun and ended under load, while refused requests are sent again with the other version: what ended
 * is not sent any more by requests that come after the answer.
 */
export const campaign: Campaign = {
  name: 'cutover-toggles',
  threat: 'a version stays in use after revocation',
  target: 10_000,
  unit: 'cutovers ended under load with retries',
  slice: 2_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  /** By call: the credentials that came for it, in order. */
  const came = new Map<string, string[]>();
  const origin = await startPlainUpstream((request, response) => {
    const { authorization = 'none', 'x-call': call = '' } = request.headers;
    const credentials = came.get(String(call)) ?? [];
    credentials.push(authorization.replace('Bearer ', ''));
    came.set(String(call), credentials);
    request.resume();
    response.statusCode = random() < REFUSED ? 401 : 200;
    response.end();
  });
  const keyferry = await startKeyferry();
  await prepareCutover(keyferry, origin);
  const token = await keyferry.client('production');
  const agent = keepAlive(32);
  onTestFinished(() => agent.destroy());

  /** What may be sent; both while a cutover runs. */
  let allowed: readonly string[] = [OLD_KEY];
  /** Odd while a call that ends or begins a cutover is under way. */
  let calls = 0;
  let [checked, retried, sent] = [0, 0, 0];
  const check = async (): Promise<void> => {
    const [may, before] = [allowed, calls];
    const call = String(sent++);
    const status = await get(`${keyferry.proxyUrl}/api/x`, {
      'keyferry-token': token,
      'x-call': call,
    });
    const credentials = came.get(call) ?? [];
    came.delete(call);
    if (status !== 200 && status !== 401) throw new Error(`status ${status}`);
    if (credentials.length > 1) retried++;
    if (before % 2 === 1 || before !== calls) return;
    checked++;
    const wrong = credentials.find((credential) => !may.includes(credential));
    if (wrong !== undefined || credentials.length === 0) {
      throw new Error(`sent ${credentials} where only ${may} may be`);
    }
  };
  function get(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
    return new Promise((resolve, reject) => {
      sendRequest(url, { agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
        .on('error', reject)
        .end();
    });
  }

  const load = startLoad(PER_SECOND, check);
  let current = 1;
  const keyOf = (version: number): string => (version === 1 ? OLD_KEY : NEW_KEY);
  /** A call after which these may be sent, and while which both may. */
  const change = async <T>(path: string, body: object | undefined, after: readonly string[]) => {
    calls++;
    allowed = [OLD_KEY, NEW_KEY];
    const answer = await keyferry.admin<T>('POST', path, body);
    allowed = after;
    calls++;
    await Promise.all([check(), check(), check()]);
    return answer;
  };
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const other = current === 1 ? 2 : 1;
    const settings = {
      toVersion: other,
      // In the window every request has the new one first, and the old one is for retries.
      steps: random() < 0.5 ? [50, 100] : [100],
      stepMinSamples: 100_000,
      onRefusal: 'hold',
    };
    const { id } = await change<{ id: string }>(`${BASE}/cutovers`, settings, [OLD_KEY, NEW_KEY]);
    await untilCutover(keyferry, id, { notState: 'PENDING' });
    await Promise.all([check(), check(), check(), check()]);
    const end = ENDS[Math.floor(random() * ENDS.length)] ?? 'rollback';
    if (end === 'complete' || end === 'activate') current = other;
    const path = {
      complete: `/v1/cutovers/${id}/complete`,
      activate: `${BASE}/versions/${other}/activate`,
      rollback: `/v1/cutovers/${id}/rollback`,
      'roll the version back': `${BASE}/rollback`,
    }[end];
    await change(path, undefined, [keyOf(current)]);
    done++;
  }
  const { failures } = await load.stop();
  const findings = failures.slice(0, 20);
  if (checked < done * 3) findings.push(`only ${checked} requests could be judged`);
  if (retried < done / 4) findings.push(`only ${retried} requests were sent again`);
  return { done, findings, note: `${checked} requests judged, ${retried} sent again` };
}

const ENDS = ['complete', 'activate', 'rollback', 'roll the version back'] as const;

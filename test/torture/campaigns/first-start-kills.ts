import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom } from '../../support/seeded-random.js';
import { startProcess, temporaryDataDir } from '../../support/serve-process.js';
import { startKeyferry } from '../../support/start-keyferry.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/** From before Node has loaded the program to after it is ready. */
const [EARLIEST_MS, LATEST_MS] = [150, 1200];

/** A first start that is killed at any moment is made good by the next. */
export const campaign: Campaign = {
  name: 'first-start-kills',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 100,
  unit: 'SIGKILLs of a first start',
  slice: 25,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const findings: string[] = [];
  let interrupted = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const dataDir = temporaryDataDir();
    const { child, finished } = startProcess(dataDir, ['--example']);
    await wait(EARLIEST_MS + random() * (LATEST_MS - EARLIEST_MS));
    child.kill('SIGKILL');
    await finished;
    if (!existsSync(join(dataDir, 'admin-token'))) interrupted++;
    findings.push(...(await problemsAfter(dataDir)).map((text) => `kill ${done}: ${text}`));
    done++;
  }
  return { done, findings, note: `${interrupted} of ${done} starts had no admin yet` };
}

/** What is not as it should be once a server has started on the folder. */
async function problemsAfter(dataDir: string): Promise<string[]> {
  const problems: string[] = [];
  const keyferry = await startKeyferry({}, dataDir);
  const listed = async <T>(path: string): Promise<readonly T[]> =>
    (await keyferry.admin<{ items: T[] }>('GET', path)).items;
  const admins = await listed('/v1/admins');
  if (admins.length !== 1) problems.push(`there are ${admins.length} admins`);
  const tokens = readdirSync(dataDir).filter((name) => name.startsWith('admin-token'));
  if (tokens.join() !== 'admin-token') problems.push(`token files: ${tokens.join()}`);
  for (const name of ['admin-token', 'master.key']) {
    const mode = statSync(join(dataDir, name)).mode & 0o777;
    if (mode !== 0o600) problems.push(`${name} has mode ${mode.toString(8)}`);
  }
  for (const { revokedAt } of await listed<{ revokedAt: string | null }>('/v1/clients')) {
    if (revokedAt === null) problems.push('a client of the example is left');
  }
  await keyferry.secret('key', { production: 'a-value' });
  const audit = await keyferry.admin<{ ok: boolean }>('GET', '/v1/audit/verify');
  if (!audit.ok) problems.push(`the audit log is broken: ${JSON.stringify(audit)}`);
  await keyferry.server.close();
  return problems;
}

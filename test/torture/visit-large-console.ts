import type { Route } from '../../src/core/index.js';
import { acceptRows } from '../../src/maintenance.js';
import { visitConsole } from '../support/console-visit.js';
import { consoleName, fillConsole } from '../support/fill-console.js';
import { serveKeyferry } from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import type { Slice, SliceOutcome } from './campaign.js';

/** Audit rows for each secret. */
const AUDIT_ROWS = 10;
/** Each route places so many secrets, of a hundred: the other half has none. */
const PER_ROUTE = 50;

const SECRETS = [
  '',
  'sort=name&order=desc',
  'sort=age',
  'sort=age&order=desc',
  'sort=lastUsed',
  'sort=lastUsed&order=desc',
  'sort=nextRotation',
  'sort=nextRotation&order=desc',
  'search=payments',
  'search=growth+stripe&sort=nextRotation',
  'search=nothing',
  'old=true',
  'old=true&sort=nextRotation',
  'unusedForDays=30',
  'unusedForDays=30&sort=lastUsed',
  'withoutRoutes=true',
  'withoutRoutes=true&sort=age',
  'missingValue=true',
  'missingValue=true&sort=age',
  'environment=production&sort=age',
  'search=stripe&old=true&missingValue=true&withoutRoutes=true&sort=nextRotation',
];
const AUDIT = [
  '',
  'action=version.',
  'action=backup.create',
  `secret=${consoleName(0)}`,
  'secret=nothing',
  'environment=production',
  'actor=person+7',
  'actor=nobody',
  'action=backup.create&environment=production&actor=person+3',
  `secret=${consoleName(0)}&action=version.add`,
];
const OTHERS = [
  '/',
  '/?span=1y',
  `/secrets/${consoleName(0)}`,
  '/secrets/no_such_secret',
  '/secrets/new',
  '/cutovers',
  '/rotations',
  ...['ok', 'failed', 'paused', 'overdue', 'running'].map(
    (status) => `/rotations?status=${status}`,
  ),
  '/rotations/new',
  '/routes',
  '/routes?q=none',
  '/routes?failing=true',
  '/clients',
  '/alerts',
  '/alerts?all=on',
  '/channels',
  '/admins',
  '/system',
];

/**
 * Serves so many secrets, ten times as many audit rows and what goes with them, and visits every page of the console,
 * with its filters and orders, its second and its last page, and the lists as tokens with limits see them: each answers
 * in `answerMs`, by the middle one of its visits.
 */
export async function visitLargeConsole(
  { count, seed }: Slice,
  { answerMs, visits }: { readonly answerMs: number; readonly visits: number },
): Promise<SliceOutcome & { readonly figures: ReadonlyMap<string, number> }> {
  const made = await startKeyferry();
  const { dataDir } = made;
  await made.server.close();
  await fillConsole({ dataDir, secrets: count, auditRows: count * AUDIT_ROWS, seed });
  await acceptRows({ dataDir, clock: Date });
  const served = await serveKeyferry({ dataDir });
  const routes = Array.from({ length: Math.ceil(count / 100) }, (_, route) =>
    routeOf(route, count),
  );
  await served.admin('PUT', '/v1/routes?allowMissing=true', { routes });
  const signIn = (token: string) => visitConsole(served.adminUrl, { token });
  const limitedTo = async (limits: object) => {
    const named = {
      name: `viewer of ${Object.values(limits).flat().join(' ')}`,
      role: 'viewer',
      ...limits,
    };
    const { token } = await served.admin<{ token: string }>('POST', '/v1/admins', named);
    return signIn(token);
  };
  let visit = await signIn(await served.token());

  const findings: string[] = [];
  const figures = new Map<string, number>();
  const look = async (path: string, name = path): Promise<string> => {
    const times: number[] = [];
    let text = '';
    for (let turn = 0; turn < visits; turn++) {
      const startedAt = performance.now();
      const page = await visit.get(path);
      times.push(performance.now() - startedAt);
      text = page.text;
      const expected = path.includes('no_such') ? 404 : 200;
      if (page.status !== expected) findings.push(`${name} answered ${page.status}`);
    }
    const middle = times.sort((a, b) => a - b)[Math.floor(visits / 2)] ?? 0;
    figures.set(name, Math.round(middle));
    if (middle > answerMs) findings.push(`${name} took ${Math.round(middle)} ms`);
    return text;
  };
  const lookOn = async (path: string): Promise<void> => {
    const next = /href="([^"]*cursor=[^"]*)"/.exec(await look(path))?.[1];
    if (next !== undefined) await look(next.replaceAll('&amp;', '&'), `${path}, page 2`);
  };
  for (const query of SECRETS) await lookOn(pathOf('/secrets', query));
  for (const query of [...AUDIT, daysOf(300, 299), daysOf(364, 1)]) {
    await lookOn(pathOf('/audit', query));
  }
  for (const path of OTHERS) await lookOn(path);
  // Beyond all but a few: what a reader comes to who turns every page.
  const far = Number.MAX_SAFE_INTEGER - 1;
  for (const sort of ['age', 'lastUsed', 'nextRotation']) {
    const cursor = cursorOf(`${sort} asc\n${far}\n`);
    await look(
      pathOf('/secrets', `sort=${sort}&cursor=${cursor}`),
      `/secrets by ${sort}, last page`,
    );
  }
  await look(pathOf('/secrets', `cursor=${cursorOf('name asc\n\nz')}`), '/secrets, last page');
  await look(pathOf('/audit', `cursor=${cursorOf(50)}`), '/audit, last page');
  // What a limited token sees is summed up for it alone.
  for (const limits of [{ environments: ['production', 'staging'] }, { secretPrefix: 'stripe_' }]) {
    visit = await limitedTo(limits);
    const who = `as a viewer of ${Object.values(limits)}`;
    for (const query of SECRETS) await look(pathOf('/secrets', query), `/secrets?${query} ${who}`);
    for (const path of [
      '/',
      '/alerts',
      '/routes',
      '/routes?q=none',
      '/audit',
      '/cutovers',
      '/rotations',
    ]) {
      await look(path, `${path} ${who}`);
    }
  }

  await served.stop();
  const slowest = [...figures].sort(([, a], [, b]) => b - a).slice(0, 5);
  const note = `slowest: ${slowest.map(([path, ms]) => `${path} ${ms} ms`).join('; ')}`;
  return { done: count, findings, note, figures };
}

function routeOf(route: number, secrets: number): Route {
  const placed = Array.from({ length: PER_ROUTE }, (_, index) => route * 100 + index);
  const environment = { upstream: 'https://api.example.com' };
  return {
    name: `route-${route}`,
    match: { pathPrefix: `/route-${route}` },
    headers: Object.fromEntries(
      placed
        .filter((index) => index < secrets)
        .map((index) => [`X-Key-${index}`, `<<secret:${consoleName(index)}>>`]),
    ),
    environments: { development: environment, staging: environment, production: environment },
  };
}

function pathOf(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`;
}

function cursorOf(key: string | number): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** From so many days ago until so many. */
function daysOf(since: number, until: number): string {
  const day = (ago: number): string =>
    new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  return `since=${day(since)}&until=${day(until)}`;
}

import { setTimeout as wait } from 'node:timers/promises';
import { DEFAULT_ROTATION_SETTINGS, SecretValue, type Store } from '../../../src/core/index.js';
import { openKeyferryStore } from '../../../src/open-store.js';
import { TEST_ACTOR as actor } from '../../support/open-test-store.js';
import { serveKeyferry, temporaryDataDir } from '../../support/serve-process.js';
import { answerJson, listenStandIn } from '../../support/stand-ins/listen-stand-in.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const ENVIRONMENT = 'production';
const clock = { now: () => Date.now() };
/** Without a run that ends within such a time, nothing goes on any more. */
const LONGEST_REST_MS = 60_000;

/**
 * Two servers on one database find all rotations due at once, at a service that makes another key each time it is asked:
 * each is asked once, each run is done once, each secret has one current version.
 */
export const campaign: Campaign = {
  name: 'shared-rotations',
  threat: 'several servers on one database run a rotation twice',
  target: 1_000,
  unit: 'due rotations, run by two servers on one database',
  slice: 1_000,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const minted = new Map<string, number>();
  const service = await listenStandIn((request, _body, response) => {
    const name = String(request.url).slice(1);
    const times = (minted.get(name) ?? 0) + 1;
    minted.set(name, times);
    answerJson(response, 200, { newValue: `value ${times} of ${name}` });
  });
  const dataDir = temporaryDataDir();
  const names = Array.from({ length: count }, (_, index) => `key${index}`);
  await withStore(dataDir, (store) => prepare(store, names, service.origin));

  const servers = await Promise.all(
    ['a', 'b'].map(() => serveKeyferry({ dataDir, flags: ['--shared'] })),
  );
  const beganAtMs = performance.now();
  const ended = (): number[] => servers.map(({ output }) => output.split('"DONE"').length - 1);
  let seen = 0;
  let seenAtMs = beganAtMs;
  while (seen < count && signal?.aborted !== true) {
    await wait(100);
    const now = ended().reduce((sum, one) => sum + one, 0);
    if (now > seen) seenAtMs = performance.now();
    else if (performance.now() - seenAtMs > LONGEST_REST_MS) break;
    seen = now;
  }
  const seconds = (performance.now() - beganAtMs) / 1000;
  const done = ended();
  await Promise.all(servers.map((server) => server.stop()));
  await service.close();

  const findings = await withStore(dataDir, (store) => look(store, names, minted));
  if (count >= 100 && done.includes(0)) findings.push('one server did all of it');
  return {
    done: count,
    findings,
    note: `${seconds.toFixed(1)} s, ${done.join(' and ')} by each server`,
  };
}

async function withStore<T>(dataDir: string, work: (store: Store) => Promise<T>): Promise<T> {
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  return work(store).finally(() => store.close());
}

async function prepare(store: Store, names: readonly string[], origin: string): Promise<void> {
  await store.createSecret({ actor, name: 'hook' });
  const value = SecretValue.fromText('hook-secret-of-the-campaign');
  await store.addVersion({ actor, secret: 'hook', environment: '_providers', value });
  for (const secret of names) {
    await store.createSecret({ actor, name: secret });
    const first = SecretValue.fromText(`first value of ${secret}`);
    await store.addVersion({ actor, secret, environment: ENVIRONMENT, value: first });
    await store.enableRotation({
      ...DEFAULT_ROTATION_SETTINGS,
      actor,
      secret,
      environment: ENVIRONMENT,
      provider: 'custom',
      intervalDays: 1,
      cron: null,
      gracePeriodMinutes: 0,
      soakMinutes: 0,
      cutover: { steps: [100] },
      config: {
        url: `${origin}/${secret}`,
        mode: 'plain',
        secret: 'hook',
        allowPrivateNetwork: true,
      },
      nextRunAtMs: 1,
    });
  }
  const routes = names.map((secret) => ({
    name: secret,
    match: { pathPrefix: `/${secret}` },
    environments: {
      [ENVIRONMENT]: {
        upstream: origin,
        allowPrivateNetwork: true,
        headers: { Authorization: `Bearer <<secret:${secret}>>` },
      },
    },
  }));
  const references = names.map((secret) => ({
    route: secret,
    secret,
    environment: ENVIRONMENT,
    version: undefined,
  }));
  await store.applyRoutes({ actor, document: { routes }, references, source: 'api' });
}

/** What should not be, when all is over. */
async function look(
  store: Store,
  names: readonly string[],
  minted: ReadonlyMap<string, number>,
): Promise<string[]> {
  const findings: string[] = [];
  for (const secret of names) {
    const rotation = await store.findRotation(secret, ENVIRONMENT);
    const runs = rotation === undefined ? [] : (await store.listRuns(rotation.id, {})).items;
    const states = runs.map(({ state, problem }) => `${state} (${problem})`);
    if (runs.length !== 1 || runs[0]?.state !== 'DONE') findings.push(`${secret}: runs ${states}`);
    if (minted.get(secret) !== 1) findings.push(`${secret}: ${minted.get(secret)} keys made`);
    const versions = await store.listVersions(secret, ENVIRONMENT);
    const current = versions.filter(({ state }) => state === 'current');
    if (versions.length !== 2 || current.length !== 1 || current[0]?.version !== 2) {
      findings.push(`${secret}: ${versions.map(({ version, state }) => `${version} ${state}`)}`);
    }
  }
  const audit = await store.verifyAudit();
  if (!audit.ok) findings.push('the audit log is broken');
  const altered = await store.alteredRows();
  if (altered.length > 0) findings.push(`${altered.length} rows are altered`);
  return findings;
}

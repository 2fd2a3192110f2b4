import { mkdir } from 'node:fs/promises';
import { DEFAULT_CUTOVER_SETTINGS, SecretValue, type Store } from '../dist/core/index.js';
import { openKeyferryStore } from '../dist/open-store.js';
import type { EchoScrubMode, Route } from '../src/core/index.js';
import { filledName, fillStore } from '../test/support/fill-store.js';

export interface KeyferryShape {
  readonly routes: number;
  readonly secrets: number;
  /** Whether the routes place a secret. */
  readonly injects: boolean;
  /** Whether responses are searched; off by default. */
  readonly echoScrub?: EchoScrubMode;
  /** Whether a cutover of the first route's secret is under way, and stays at its first step. */
  readonly canary?: boolean;
}

const ACTOR = { type: 'system', id: 'bench', name: 'bench' } as const;

/** Makes a data folder with secrets, routes (`/r0`, `/r1`, …) and a client; returns the client's token. */
export async function prepareKeyferry(
  dataDir: string,
  upstream: string,
  { routes, secrets, injects, echoScrub = 'off', canary = false }: KeyferryShape,
): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const open = (acceptRows = false) =>
    openKeyferryStore({ dataDir, clock: { now: Date.now }, createIfMissing: true, acceptRows });
  await (await open()).store.close();
  await fillStore({ dataDir, secrets });
  const { store, tokens } = await open(true);
  const route = (index: number): Route => ({
    name: `r${index}`,
    match: { pathPrefix: `/r${index}` },
    ...(injects
      ? { headers: { Authorization: `Bearer <<secret:${filledName(index % secrets)}>>` } }
      : {}),
    echoScrub,
    environments: { production: { upstream, allowPrivateNetwork: true } },
  });
  const document = { routes: Array.from({ length: routes }, (_, index) => route(index)) };
  const references = document.routes.flatMap(({ name }, index) =>
    injects
      ? [
          {
            route: name,
            environment: 'production',
            secret: filledName(index % secrets),
            version: undefined,
          },
        ]
      : [],
  );
  await store.applyRoutes({ actor: ACTOR, document, references, source: 'api' });
  const { token, id: tokenId, hash: tokenHash } = tokens.mint('client');
  await store.createClient({
    actor: ACTOR,
    name: 'bench',
    environment: 'production',
    tokenId,
    tokenHash,
  });
  if (canary) await startCanary(store);
  await store.close();
  return token;
}

async function startCanary(store: Store): Promise<void> {
  const at = { actor: ACTOR, secret: filledName(0), environment: 'production' };
  const value = SecretValue.fromText('bench_next_0123456789abcdefghijklmnopqrstuv');
  const { version: toVersion } = await store.addVersion({ ...at, value });
  const settings = DEFAULT_CUTOVER_SETTINGS;
  const { id } = await store.startCutover({ ...at, toVersion, toSecret: null, settings });
  const place = { id, ifState: 'PENDING', ifStep: 0, evidence: null } as const;
  await store.advanceCutover({ actor: ACTOR, ...place });
  await store.pauseCutover({ actor: ACTOR, id });
}

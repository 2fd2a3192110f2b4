/** The example of the quickstart: an upstream on loopback that knows one credential, and a way to it. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Clock,
  type Route,
  SecretValue,
  type Store,
  SYSTEM_ACTOR,
  type Tokens,
} from './core/index.js';

const DEFAULT_ENVIRONMENT = 'development';
const SECRET = 'example_api_key';
const ROUTE = 'example';
/** No operator can take this name: the API refuses brackets, so what has it is the example's own. */
const CLIENT = '(example)';
/** The example is for trying out: its token dies with the day even where the process does not. */
const TOKEN_LIFETIME_MS = 86_400_000;

export interface Example {
  /** Served beside the applied routes; gives way to an own route of the same name or path. */
  readonly route: Route;
  /** The token of the example's client, shown once. */
  readonly token: string;
  close(): Promise<void>;
}

interface ExampleOptions {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** The environments that are served; undefined = all. */
  readonly environments: readonly string[] | undefined;
}

/** Starts the example upstream and makes what is needed to reach it. */
export async function startExample(options: ExampleOptions): Promise<Example> {
  const { store, tokens, clock } = options;
  const environment = await exampleEnvironment(options);
  const expected = await exampleCredential(store, environment);
  const server = createServer((request, response) => {
    const sent = Buffer.from(request.headers.authorization ?? '', 'latin1');
    const injected = sent.length === expected.length && timingSafeEqual(sent, expected);
    request.resume();
    response.writeHead(injected ? 200 : 401, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ injected }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { token, id: tokenId, hash: tokenHash } = tokens.mint('client');
  const client = await store.createClient({
    actor: SYSTEM_ACTOR,
    name: CLIENT,
    environment,
    routes: [ROUTE],
    expiresAtMs: clock.now() + TOKEN_LIFETIME_MS,
    tokenId,
    tokenHash,
  });
  return {
    token,
    route: {
      name: ROUTE,
      match: { pathPrefix: '/example' },
      headers: { Authorization: `Bearer <<secret:${SECRET}>>` },
      environments: {
        [environment]: { upstream: `http://127.0.0.1:${port}`, allowPrivateNetwork: true },
      },
    },
    async close() {
      await store.revokeClient({ actor: SYSTEM_ACTOR, id: client.id });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Revokes what an example left behind that was killed: its token exists only while it runs. */
export async function revokeLeftoverExamples(store: Store): Promise<void> {
  for (const { id, name } of await store.clientCredentials()) {
    if (name === CLIENT) await store.revokeClient({ actor: SYSTEM_ACTOR, id });
  }
}

/** `development`, unless it was deleted or is not served. */
async function exampleEnvironment({ store, environments }: ExampleOptions): Promise<string> {
  const served = environments ?? (await store.listEnvironments()).map(({ name }) => name);
  return served.includes(DEFAULT_ENVIRONMENT) ? DEFAULT_ENVIRONMENT : (served[0] ?? '');
}

/** The header that the upstream expects, from the store; made on the first start. */
async function exampleCredential(store: Store, environment: string): Promise<Buffer> {
  const reference = { secret: SECRET, environment, version: undefined };
  if ((await store.secretHosts([SECRET])).size === 0) {
    await store.createSecret({
      actor: SYSTEM_ACTOR,
      name: SECRET,
      description: 'Made by the example of the quickstart; nothing outside this machine knows it.',
    });
  }
  let [resolved] = await store.resolveValues([reference]);
  if (resolved?.status !== 'found') {
    const { version } = await store.addVersion({
      actor: SYSTEM_ACTOR,
      secret: SECRET,
      environment,
      value: SecretValue.fromText(`example_${randomBytes(24).toString('base64url')}`),
    });
    await store.activateVersion({
      actor: SYSTEM_ACTOR,
      secret: SECRET,
      environment,
      version,
    });
    [resolved] = await store.resolveValues([reference]);
  }
  if (resolved?.status !== 'found') throw new Error('the example secret has no value');
  return Buffer.concat([Buffer.from('Bearer '), resolved.value.expose()]);
}

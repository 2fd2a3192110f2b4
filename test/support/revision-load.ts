import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { Route } from '../../src/core/index.js';
import { PATIENCE_MS } from './patience.js';
import { startPlainUpstream } from './plain-upstream.js';
import { type ServedKeyferry, serveKeyferry } from './serve-process.js';
import { startKeyferry, type TestKeyferry } from './start-keyferry.js';
import { keepAlive, type SteadyLoad, send, startLoad } from './steady-load.js';

const PER_SECOND = 200;
const SECRETS = 7;

/**
 * An upstream that is told the revision by its path, by a header and by the secret that came: it answers with
 * the revision, or 409 when they are not of the same one.
 */
export function startRevisionUpstream(): Promise<string> {
  return startPlainUpstream((request, response) => {
    const revision = /^\/revision-(\d+)\/x$/.exec(request.url ?? '')?.[1];
    const { authorization, 'x-revision': header } = request.headers;
    const expected = `Bearer value-${Number(revision) % SECRETS}`;
    const matches = header === revision && authorization === expected;
    response.writeHead(matches ? 200 : 409);
    response.end(matches ? revision : `${revision} ${String(header)} ${String(authorization)}`);
  });
}

/** The route of that revision to a revision upstream. */
export function revisionRoute(origin: string, revision: number): Route {
  return {
    name: 'api',
    match: { pathPrefix: '/api' },
    headers: {
      Authorization: `Bearer <<secret:s_${revision % SECRETS}>>`,
      'X-Revision': String(revision),
    },
    environments: {
      production: { upstream: `${origin}/revision-${revision}`, allowPrivateNetwork: true },
    },
  };
}

export const routesText = (routes: readonly Route[]): string => JSON.stringify({ routes });

/** Adds the secrets that revisions name. */
export async function addRevisionSecrets(
  server: Pick<ServedKeyferry | TestKeyferry, 'secret'>,
): Promise<void> {
  for (let index = 0; index < SECRETS; index++) {
    await server.secret(`s_${index}`, { production: `value-${index}` });
  }
}

export interface RevisionLoad extends Pick<SteadyLoad, 'stop'> {
  /** Resolves when a request was answered by this revision. */
  seen(revision: number): Promise<unknown>;
}

/** Load on `/api/x` that checks each answer: whole, of one revision, and never of one older than `applied()`. */
export function startRevisionLoad(
  proxyUrl: string,
  token: string,
  applied: () => number,
): RevisionLoad {
  const agent = keepAlive(16);
  onTestFinished(() => agent.destroy());
  let newest = 0;
  const load = startLoad(PER_SECOND, async () => {
    const atLeast = applied();
    const options = { agent, headers: { 'keyferry-token': token } };
    const { status, body } = await send(`${proxyUrl}/api/x`, options);
    if (status !== 200) throw new Error(`${status} ${body}`);
    if (Number(body) < atLeast) throw new Error(`revision ${body} after ${atLeast} was applied`);
    newest = Math.max(newest, Number(body));
  });
  return {
    stop: load.stop,
    seen: (revision) =>
      vi.waitUntil(() => newest >= revision, { timeout: PATIENCE_MS, interval: 2 }),
  };
}

/** A server on a routes file that holds the first revision. `put` replaces the file whole. */
export async function startOnRoutesFile(origin: string) {
  const setUp = await startKeyferry();
  await addRevisionSecrets(setUp);
  const token = await setUp.client('production');
  await setUp.server.close();
  const { dataDir } = setUp;
  const file = join(dataDir, 'routes.json');
  const put = (text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  put(routesText([revisionRoute(origin, 1)]));
  const server = await serveKeyferry({ dataDir, flags: ['--routes', file] });
  const revisionOf = async (): Promise<number> =>
    Number((await send(`${server.proxyUrl}/api/x`, { headers: { 'keyferry-token': token } })).body);
  return { server, token, file, put, revisionOf };
}

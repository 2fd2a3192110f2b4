import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Route } from '../../src/core/index.js';
import { type ServedKeyferry, serveKeyferry } from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { keepAlive, send, startLoad } from '../support/steady-load.js';

/** `KEYFERRY_TORTURE=1` runs the whole number. */
const RELOADS = process.env.KEYFERRY_TORTURE === undefined ? 60 : 1000;
const PER_SECOND = 200;
const SECRETS = 7;
const TIMEOUT_MS = 300_000;

/**
 * An upstream that is told the revision by its path, by a header and by the secret that came: it answers with
 * the revision, or 409 when they are not of the same one.
 */
async function startRevisionUpstream(): Promise<string> {
  const upstream = createServer((request, response) => {
    const revision = /^\/revision-(\d+)\/x$/.exec(request.url ?? '')?.[1];
    const { authorization, 'x-revision': header } = request.headers;
    const expected = `Bearer value-${Number(revision) % SECRETS}`;
    const matches = header === revision && authorization === expected;
    response.writeHead(matches ? 200 : 409);
    response.end(matches ? revision : `${revision} ${String(header)} ${String(authorization)}`);
  });
  upstream.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  return `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
}

function revisionRoute(origin: string, revision: number): Route {
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

const documentOf = (routes: readonly Route[]): string => JSON.stringify({ routes });

async function addSecrets(
  server: Pick<ServedKeyferry, 'secret'> | Awaited<ReturnType<typeof startKeyferry>>,
): Promise<void> {
  for (let index = 0; index < SECRETS; index++) {
    await server.secret(`s_${index}`, { production: `value-${index}` });
  }
}

/** Load on `/api/x` that checks each answer: whole, of one revision, and never of one older than `applied()`. */
function startCheckedLoad(proxyUrl: string, token: string, applied: () => number) {
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
    /** Resolves when a request was answered by this revision. */
    seen: (revision: number) =>
      vi.waitUntil(() => newest >= revision, { timeout: 15_000, interval: 2 }),
  };
}

test(
  `${RELOADS} documents put under load: no request fails or mixes two revisions`,
  async () => {
    const origin = await startRevisionUpstream();
    const keyferry = await startKeyferry();
    await addSecrets(keyferry);
    await keyferry.routes([revisionRoute(origin, 1)]);
    const token = await keyferry.client('production');
    let applied = 1;
    const load = startCheckedLoad(keyferry.proxyUrl, token, () => applied);
    for (let revision = 2; revision <= RELOADS; revision++) {
      await keyferry.routes([revisionRoute(origin, revision)]);
      applied = revision;
      if (revision % 20 === 0) await load.seen(revision);
    }
    const { sent, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(20);
  },
  TIMEOUT_MS,
);

describe('a routes file', () => {
  async function startOnFile(origin: string) {
    const setUp = await serveKeyferry();
    await addSecrets(setUp);
    const token = await setUp.client('production');
    await setUp.stop();
    const { dataDir } = setUp;
    const file = join(dataDir, 'routes.json');
    const put = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    put(documentOf([revisionRoute(origin, 1)]));
    const server = await serveKeyferry({ dataDir, flags: ['--routes', file] });
    const revisionOf = async (): Promise<number> =>
      Number(
        (await send(`${server.proxyUrl}/api/x`, { headers: { 'keyferry-token': token } })).body,
      );
    return { server, token, file, put, revisionOf };
  }

  /** What the log says was wrong with the file. */
  const rejections = (log: string): { code: string; detail: string }[] =>
    log
      .split('\n')
      .filter((line) => line.includes('"routes_file_rejected"'))
      .map((line) => JSON.parse(line) as { code: string; detail: string });

  test(
    `is replaced ${RELOADS} times under load: no request fails or mixes two revisions`,
    async () => {
      const origin = await startRevisionUpstream();
      const { server, token, put } = await startOnFile(origin);
      const load = startCheckedLoad(server.proxyUrl, token, () => 1);
      for (let revision = 2; revision <= RELOADS; revision++) {
        put(documentOf([revisionRoute(origin, revision)]));
        // Every tenth is left to be seen by the watcher alone.
        if (revision % 10 !== 0) server.child.kill('SIGHUP');
        await load.seen(revision);
      }
      const { sent, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(sent).toBeGreaterThan(RELOADS);
      const revision = await server.admin('GET', '/v1/routes');
      expect(revision).toMatchObject({ revision: RELOADS, source: 'file' });
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'that is broken, half written, empty or gone changes nothing, and what comes next is taken',
    async () => {
      const origin = await startRevisionUpstream();
      const { server, token, file, put, revisionOf } = await startOnFile(origin);
      const load = startCheckedLoad(server.proxyUrl, token, () => 1);
      const isRejected = (times: number) =>
        vi.waitUntil(() => rejections(server.output).length === times, { timeout: 10_000 });

      const wrong = {
        ...revisionRoute(origin, 2),
        environments: { prodution: { upstream: origin } },
      };
      put(documentOf([wrong]));
      await isRejected(1);
      writeFileSync(file, documentOf([revisionRoute(origin, 2)]).slice(0, 100));
      await isRejected(2);
      writeFileSync(file, '');
      await isRejected(3);
      rmSync(file);
      await isRejected(4);
      expect(rejections(server.output)).toMatchObject([
        {
          code: 'routes_invalid',
          detail: expect.stringContaining('routes[0].environments.prodution'),
        },
        { code: 'routes_invalid' },
        { code: 'routes_invalid' },
        { code: 'routes_invalid', detail: expect.stringMatching(/cannot be read \(ENOENT\)/) },
      ]);
      expect(rejections(server.output)[0]?.detail).toContain('Nothing was changed');
      expect(await revisionOf()).toBe(1);
      expect(await server.admin('GET', '/v1/routes')).toMatchObject({ revision: 1 });
      const audit = await server.admin<{ items: unknown[] }>(
        'GET',
        '/v1/audit?action=routes.reject',
      );
      expect(audit.items).toHaveLength(4);

      writeFileSync(file, documentOf([revisionRoute(origin, 3)]));
      await load.seen(3);
      expect((await load.stop()).failures).toEqual([]);
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'behind a symlink is followed when the symlink is swapped',
    async () => {
      const origin = await startRevisionUpstream();
      const { server, token, file } = await startOnFile(origin);
      const load = startCheckedLoad(server.proxyUrl, token, () => 1);
      for (const revision of [2, 3, 4]) {
        writeFileSync(`${file}.${revision}`, documentOf([revisionRoute(origin, revision)]));
        symlinkSync(`${file}.${revision}`, `${file}.link`);
        renameSync(`${file}.link`, file);
        await load.seen(revision);
      }
      expect((await load.stop()).failures).toEqual([]);
      expect((await server.stop()).exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'that lacked a value is taken when the value comes',
    async () => {
      const origin = await startRevisionUpstream();
      const { server, token, put } = await startOnFile(origin);
      const load = startCheckedLoad(server.proxyUrl, token, () => 1);
      const { headers, ...route } = revisionRoute(origin, 2);
      put(documentOf([{ ...route, headers: { ...headers, 'X-Late': '<<secret:late>>' } }]));
      server.child.kill('SIGHUP');
      await vi.waitUntil(async () => {
        const audit = await server.admin<{ items: unknown[] }>(
          'GET',
          '/v1/audit?action=routes.reject',
        );
        return audit.items.length === 1;
      });
      await server.secret('late', { production: 'late-value' });
      await load.seen(2);
      expect((await load.stop()).failures).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'cannot be overruled by the API',
    async () => {
      const origin = await startRevisionUpstream();
      const { server, revisionOf } = await startOnFile(origin);
      const routes = [revisionRoute(origin, 2)];
      const answer = await server.call('PUT', '/v1/routes', { routes });
      expect(answer).toMatchObject({ status: 409, body: { code: 'routes_managed_by_file' } });
      expect(await revisionOf()).toBe(1);
    },
    TIMEOUT_MS,
  );
});

test(
  'a broken document put changes nothing and names the JSON path',
  async () => {
    const origin = await startRevisionUpstream();
    const server = await serveKeyferry();
    await addSecrets(server);
    await server.admin('PUT', '/v1/routes', { routes: [revisionRoute(origin, 1)] });
    const token = await server.client('production');
    const bad = { ...revisionRoute(origin, 2), enviroments: {} };
    const answer = await server.call('PUT', '/v1/routes', { routes: [bad] });
    expect(answer).toMatchObject({
      status: 422,
      body: {
        code: 'routes_invalid',
        errors: [{ path: 'routes[0].enviroments', nearest: 'environments' }],
      },
    });
    expect(await server.admin('GET', '/v1/routes')).toMatchObject({ revision: 1 });
    const { body } = await send(`${server.proxyUrl}/api/x`, {
      headers: { 'keyferry-token': token },
    });
    expect(body).toBe('1');
  },
  TIMEOUT_MS,
);

import type { Route } from '../../src/core/index.js';
import { acceptRows } from '../../src/maintenance.js';
import { filledName, filledValue, fillStore } from '../support/fill-store.js';
import { startPlainUpstream } from '../support/plain-upstream.js';
import { serveKeyferry } from '../support/serve-process.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { send } from '../support/steady-load.js';
import type { Slice, SliceOutcome } from './campaign.js';

/** Serves so many secrets, with a route for every tenth: ready within `readyMs`, and the last route serves. */
export async function serveLargeStore({ count }: Slice, readyMs: number): Promise<SliceOutcome> {
  const origin = await startPlainUpstream((request, response) => {
    response.end(request.headers.authorization);
  });
  const made = await startKeyferry();
  const token = await made.client('production');
  await made.server.close();
  const { dataDir } = made;
  await fillStore({ dataDir, secrets: count });
  await acceptRows({ dataDir, clock: Date });

  const onlySecrets = await serveKeyferry({ dataDir });
  const routes = Array.from(
    { length: Math.ceil(count / 10) },
    (_, index): Route => ({
      name: `r-${index}`,
      match: { pathPrefix: `/r-${index}` },
      headers: { Authorization: `Bearer <<secret:${filledName(index * 10)}>>` },
      // The upstream's answer says what it was given.
      echoScrub: 'off',
      environments: { production: { upstream: origin, allowPrivateNetwork: true } },
    }),
  );
  const startedAt = performance.now();
  await onlySecrets.admin('PUT', '/v1/routes', { routes });
  const appliedMs = performance.now() - startedAt;
  await onlySecrets.stop();

  const both = await serveKeyferry({ dataDir });
  const last = routes.length - 1;
  const headers = { 'keyferry-token': token };
  const { body } = await send(`${both.proxyUrl}/r-${last}/x`, { headers });
  await both.stop();
  const findings: string[] = [];
  const expected = `Bearer ${filledValue(last * 10, 'production')}`;
  if (body !== expected) findings.push(`the last route sent ${body}, not ${expected}`);
  const slowest = Math.max(onlySecrets.readyMs, both.readyMs);
  if (slowest > readyMs) findings.push(`ready after ${Math.round(slowest)} ms`);
  const [without, withRoutes, applied] = [onlySecrets.readyMs, both.readyMs, appliedMs].map(
    Math.round,
  );
  const note = `ready: ${without} ms without routes, ${withRoutes} ms with; applied in ${applied} ms`;
  return { done: count, findings, note };
}

import { SecretValue } from '../../../src/core/index.js';
import { TEST_ACTOR as actor } from '../../support/open-test-store.js';
import { startPlainUpstream } from '../../support/plain-upstream.js';
import { type RawClient, rawClient, requestHead } from '../../support/raw-client.js';
import { seededRandom } from '../../support/seeded-random.js';
import { apiRoute, startProxy } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const ACTIVATE_EVERY = 5;

/**
 * A clock that jumps by up to an hour, both ways, and onto deadlines: tokens and versions expire neither early
 * nor late, an activation holds from its answer on, and nobody is kept waiting longer than a minute.
 */
export const campaign: Campaign = {
  name: 'clock-jumps',
  threat: 'process killed, disk full, database locked, clock jumps',
  target: 10_000,
  unit: 'jumps of the clock, up to ±1 h',
  slice: 10_000,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const origin = await startPlainUpstream((request, response) => {
    response.end(request.headers.authorization);
  });
  const rig = await startProxy({ strictExpiry: true });
  const { clock, store, keeper } = rig;
  const startMs = clock.now();
  const anyTime = (): number => startMs + Math.round((random() * 2 - 1) * 2 * HOUR_MS);

  const place = { actor, environment: 'production' };
  await rig.secret('api_key', { production: 'value-1' });
  const second = { ...place, secret: 'api_key', value: SecretValue.fromText('value-2') };
  await store.addVersion(second);
  const versionEndsMs = startMs + HOUR_MS / 2;
  await store.createSecret({ actor, name: 'timed' });
  const timed = { ...place, secret: 'timed', value: SecretValue.fromText('timed-value') };
  await store.addVersion({ ...timed, expiresAtMs: versionEndsMs });
  await rig.routes([
    apiRoute(origin, { headers: { Authorization: '<<secret:api_key>>' } }),
    apiRoute(origin, {
      name: 'timed',
      match: { pathPrefix: '/timed' },
      headers: { Authorization: '<<secret:timed>>' },
      // The upstream's answer says what it was given.
      echoScrub: 'off',
    }),
  ]);
  const forever = { token: (await rig.client('production')).token, endsMs: Infinity };
  const clients = [forever];
  for (let index = 0; index < 4; index++) {
    const endsMs = anyTime();
    clients.push({
      token: (await rig.client('production', { expiresAtMs: endsMs })).token,
      endsMs,
    });
  }
  const deadlines = [versionEndsMs, ...clients.slice(1).map(({ endsMs }) => endsMs)];
  const oneOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

  const jump = (): number => {
    const kind = random();
    if (kind < 0.3) return oneOf(deadlines) + oneOf([-1, 0, 1]);
    if (kind < 0.6) return clock.now() + oneOf([-HOUR_MS, HOUR_MS]);
    if (kind < 0.8) return anyTime();
    return clock.now() + Math.round((random() - 0.2) * 2 * MINUTE_MS);
  };

  const findings: string[] = [];
  let client: RawClient = await rawClient(rig.port);
  let version = 1;
  let done = 0;
  const seen: Record<string, number> = {};
  while (done < count && signal?.aborted !== true) {
    clock.set(Math.min(startMs + 6 * HOUR_MS, Math.max(startMs - 6 * HOUR_MS, jump())));
    const nowMs = clock.now();
    if (done % ACTIVATE_EVERY === 0) {
      version = 3 - version;
      await store.activateVersion({ ...place, secret: 'api_key', version });
      await keeper.catchUp();
    }
    done++;
    const { token, endsMs } = oneOf(clients);
    const isTimed = random() < 0.5;
    client.send(requestHead('GET', isTimed ? '/timed' : '/api', token));
    const { status, body, headers } = await client.response();
    const got = headers['keyferry-error'] ?? body;
    seen[status] = (seen[status] ?? 0) + 1;
    const isRefused = endsMs <= nowMs;
    const isExpired = isTimed && versionEndsMs <= nowMs;
    const expected = isRefused
      ? 'client_unauthenticated'
      : isExpired
        ? 'secret_expired'
        : isTimed
          ? 'timed-value'
          : `value-${version}`;
    const waitSeconds = Number(headers['retry-after']);
    // Too many refusals within a minute are told to wait, for the rest of it at most.
    const waits = isRefused && got === 'rate_limited' && waitSeconds >= 1 && waitSeconds <= 60;
    if (got !== expected && !waits) {
      findings.push(`${got} instead of ${expected} (jump ${done}, ${nowMs - startMs} ms)`);
    }
    if (client.closed !== 'open' || headers.connection === 'close') {
      client.socket.destroy();
      client = await rawClient(rig.port);
    }
  }
  const audit = await store.verifyAudit();
  if (!audit.ok) findings.push(`the audit log is broken: ${JSON.stringify(audit)}`);
  return { done, findings, note: JSON.stringify(seen) };
}

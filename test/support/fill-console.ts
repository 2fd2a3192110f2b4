import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DEFAULT_CUTOVER_SETTINGS, SecretValue } from '../../src/core/index.js';
import { createSealer, Keyring, loadRootKey, openStoredKeys } from '../../src/crypto/index.js';
import { createAuditRowMac } from '../../src/store/sqlite/audit-row.js';
import { seededRandom } from './seeded-random.js';

export interface FillConsoleOptions {
  /** A data folder that a store made and closed, with its key in `master.key`. */
  readonly dataDir: string;
  readonly secrets: number;
  readonly auditRows: number;
  readonly seed?: number;
}

const DAY_MS = 86_400_000;
const ENVIRONMENTS = ['development', 'staging', 'production'] as const;
type Environment = (typeof ENVIRONMENTS)[number];
const SERVICES = ['stripe', 'github', 'aws', 'postgres', 'slack', 'twilio', 'openai', 'datadog'];
const TEAMS = ['payments', 'growth', 'platform', 'data', 'mobile'];
const KINDS = ['api_key', 'aws', 'stripe', 'database', 'oauth', 'jwt', 'other'];
const ACTIONS = [
  'version.add',
  'version.activate',
  'secret.update',
  'client.create',
  'session.start',
];
const CLIENTS = 1_000;

/** Name of the secret number `index`. */
export const consoleName = (index: number): string =>
  `${SERVICES[index % SERVICES.length]}_${String(index).padStart(6, '0')}`;

/**
 * What years of use leave behind, in bulk: secrets of all ages and kinds, most of them with a value in each of three
 * environments, versions, uses, clients, rotations with runs, cutovers, alerts, and an audit log whose chain holds.
 * The next one to open the store must accept the rows.
 */
export async function fillConsole(options: FillConsoleOptions): Promise<void> {
  const { dataDir, secrets, auditRows, seed = 1 } = options;
  const keyring = new Keyring(
    await loadRootKey({ type: 'file', file: join(dataDir, 'master.key') }),
  );
  const sealer = createSealer(keyring);
  const database = new Database(join(dataDir, 'keyferry.db'));
  database.pragma('synchronous = OFF');
  database.pragma('cache_size = -262144');
  const databaseId = String(
    database.prepare("SELECT value FROM meta WHERE name = 'database_id'").pluck().get(),
  );
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const one = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const nowMs = Date.now();
  const ago = (days: number): number => nowMs - Math.floor(random() * days * DAY_MS);
  const id = (sort: number, index: number): string =>
    `0000000${sort}-0000-7000-8000-${String(index).padStart(12, '0')}`;

  const into = (table: string, columns: string) =>
    database.prepare(
      `INSERT INTO ${table} (${columns}) VALUES (${columns.replaceAll(/\w+/g, '?')})`,
    );
  const addClient = into('clients', 'id, name, environment, token_id, token_hash, created_at_ms');
  const addSecret = into(
    'secrets',
    'id, name, description, owner, labels, allowed_hosts, kind, criticality, created_at_ms, updated_at_ms',
  );
  const addEnvironment = into('secret_environments', 'secret_id, environment, last_version');
  const claim = database.prepare(
    'UPDATE secret_environments SET last_version = ? WHERE secret_id = ? AND environment = ?',
  );
  const addVersion = into(
    'versions',
    `secret_id, environment, version, created_at_ms, created_by, activated_at_ms, expires_at_ms, fields,
     algorithm, key_id, wrapped_key, ciphertext`,
  );
  const point = database.prepare(
    `UPDATE secret_environments SET current_version = ?, previous_version = ?, current_since_ms = ?,
       last_used_at_ms = ? WHERE secret_id = ? AND environment = ?`,
  );
  const addUsage = into(
    'usage',
    `secret_id, environment, version, route, client_id, accepted, refused, failed, first_used_at_ms,
     last_used_at_ms`,
  );
  const addRotation = into(
    'rotations',
    `id, secret_id, secret, environment, provider, settings, state, next_run_at_ms, created_at_ms, created_by,
     updated_at_ms`,
  );
  const addRun = into(
    'rotation_runs',
    `id, rotation_id, secret_id, secret, environment, provider, begun_by, state, epoch, orphan_key_ids, attempts,
     started_at_ms, started_by, state_since_ms`,
  );
  const failRun = database.prepare(
    "UPDATE rotation_runs SET state = 'FAILED', ended_at_ms = ?, reason = ? WHERE id = ?",
  );
  const addCutover = into(
    'cutovers',
    `id, secret_id, secret, environment, from_version, to_version, settings, state, step, paused, started_at_ms,
     started_by, step_started_at_ms, ended_by_itself`,
  );
  const endCutover = database.prepare(
    "UPDATE cutovers SET state = 'ROLLED_BACK', ended_at_ms = ?, reason = ? WHERE id = ?",
  );
  const addAlert = into(
    'alerts',
    `id, kind, subject, urgency, secret_id, secret, environment, summary, what_to_do, command, since_ms,
     last_seen_at_ms, count, closed_at_ms, closed_because`,
  );

  const fillEnvironment = (index: number, secretId: string, environment: Environment): void => {
    const name = consoleName(index);
    const position = index * ENVIRONMENTS.length + ENVIRONMENTS.indexOf(environment);
    addEnvironment.run(secretId, environment, 0);
    const versions = 1 + below(3);
    const createdAtMs = ago(300);
    for (let version = 1; version <= versions; version++) {
      const value = SecretValue.fromText(`value-${index}-${environment}-${version}`);
      const sealed = sealer.seal(value, { databaseId, environment, secretId, version });
      const { algorithm, keyId, wrappedKey, ciphertext } = sealed;
      claim.run(version, secretId, environment);
      const expiresAtMs = below(50) === 0 ? nowMs + below(60) * DAY_MS : null;
      const times = [createdAtMs, 'fill', createdAtMs, expiresAtMs, '[]'];
      const bytes = [algorithm, keyId, wrappedKey, ciphertext];
      addVersion.run(secretId, environment, version, ...times, ...bytes);
    }
    const previous = versions === 1 ? null : versions - 1;
    const usedAtMs = below(5) === 0 ? null : ago(120);
    point.run(versions, previous, createdAtMs, usedAtMs, secretId, environment);
    if (usedAtMs !== null) {
      for (let use = below(3); use >= 0; use--) {
        const place = [secretId, environment, versions, `route-${use}`, id(1, below(CLIENTS))];
        addUsage.run(...place, below(9999) + 1, below(9), below(9), createdAtMs, usedAtMs);
      }
    }
    if (below(50) === 0) {
      const rotation = id(2, position);
      const settings = { intervalDays: 90, cron: null, timezone: 'UTC', window: null };
      const rest = { jitterMinutes: 0, gracePeriodMinutes: 60, soakMinutes: 60 };
      const text = JSON.stringify({
        ...settings,
        ...rest,
        propagationCheck: null,
        cutover: {},
        config: {},
      });
      const next = nowMs + DAY_MS + below(200) * DAY_MS;
      const what = [secretId, name, environment, 'aws'];
      const [state, nextRunAtMs] = below(10) === 0 ? ['paused', null] : ['active', next];
      addRotation.run(rotation, ...what, text, state, nextRunAtMs, createdAtMs, 'fill', nowMs);
      if (below(4) === 0) {
        const run = id(3, position);
        const begun = ['schedule', 'PLANNED', 0, '[]', 0, createdAtMs, 'fill', createdAtMs];
        addRun.run(run, rotation, ...what, ...begun);
        failRun.run(nowMs - DAY_MS, 'the provider refused', run);
      }
    }
    if (versions > 1 && below(50) === 0) {
      const cutover = id(4, position);
      const settings = JSON.stringify(DEFAULT_CUTOVER_SETTINGS);
      const course = [secretId, name, environment, versions - 1, versions, settings];
      addCutover.run(cutover, ...course, 'PENDING', 0, 0, createdAtMs, 'fill', createdAtMs, 0);
      endCutover.run(nowMs - 40 * DAY_MS, 'refused', cutover);
    }
    if (below(10) === 0) {
      const isOpen = below(2) === 0;
      const place = [`${secretId} ${environment}`, 1, secretId, name, environment];
      const text = ['It is old.', 'Rotate it.', `keyferry rotate ${name}`];
      const ended = isOpen ? [null, null] : [nowMs, 'it was rotated'];
      const alert = id(5, position);
      addAlert.run(alert, 'secret_overdue', ...place, ...text, createdAtMs, nowMs, 1, ...ended);
    }
  };

  database.transaction(() => {
    for (let index = 0; index < CLIENTS; index++) {
      const token = `fill${String(index).padStart(12, '0')}`;
      const place = [`client-${index}`, one(ENVIRONMENTS), token];
      addClient.run(id(1, index), ...place, Buffer.alloc(32), ago(300));
    }
    for (let index = 0; index < secrets; index++) {
      const secretId = id(0, index);
      const madeAtMs = ago(300);
      const team = one(TEAMS);
      const said = [`The key of ${team}`, team, JSON.stringify({ team }), '[]'];
      const sort = [one(KINDS), below(20) === 0 ? 'critical' : 'standard'];
      addSecret.run(secretId, consoleName(index), ...said, ...sort, madeAtMs, madeAtMs);
      for (const environment of ENVIRONMENTS) {
        // One in 50 lacks a value somewhere.
        if (below(150) !== 0) fillEnvironment(index, secretId, environment);
      }
    }
  })();
  fillAudit();
  database.close();

  function fillAudit(): void {
    const stored = database
      .prepare('SELECT id, purpose, root_key_id AS rootKeyId, wrapped FROM stored_keys')
      .all() as Parameters<typeof openStoredKeys>[2];
    const keys = openStoredKeys(keyring, databaseId, stored).audit.map(({ id: keyId, key }) => ({
      id: keyId,
      key: key.expose(),
    }));
    const rowMac = createAuditRowMac(databaseId, () => keys);
    const columns = `seq, at_ms, actor_type, actor_id, actor_name, action, secret, environment, detail, key_id, mac`;
    const add = into('audit', columns);
    const newest = database
      .prepare<[], { seq: number; mac: Uint8Array }>(
        'SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1',
      )
      .get();
    let { seq, mac } = newest ?? { seq: 0, mac: new Uint8Array(32) };
    const startMs = nowMs - 365 * DAY_MS;
    database.transaction(() => {
      for (let index = 0; index < auditRows; index++) {
        const actor = below(40);
        const row = {
          seq: ++seq,
          at_ms: startMs + Math.floor((index / auditRows) * 365 * DAY_MS),
          actor_type: 'admin',
          actor_id: `admin-${actor}`,
          actor_name: `person ${actor}`,
          action: below(10_000) === 0 ? 'backup.create' : one(ACTIONS),
          secret: consoleName(below(secrets)),
          environment: one(ENVIRONMENTS),
          detail: JSON.stringify({ version: below(9) + 1 }),
          key_id: keys.at(-1)?.id ?? '',
        };
        const made = rowMac(row, mac);
        if (made === undefined) throw new Error('the audit key is missing');
        mac = made;
        add.run(...Object.values(row), mac);
      }
    })();
  }
}

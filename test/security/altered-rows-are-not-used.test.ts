import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AppError,
  DEFAULT_CUTOVER_SETTINGS,
  DEFAULT_ROTATION_SETTINGS,
  type RowVerification,
  SecretValue,
  type StoredKey,
} from '../../src/core/index.js';
import { Keyring, loadRootKey, openStoredKeys } from '../../src/crypto/index.js';
import { inspectDatabase } from '../../src/maintenance/inspect-database.js';
import { acceptRows } from '../../src/maintenance.js';
import {
  SEALED_TABLE_NAMES,
  SEALED_TABLES,
  type SealedTableName,
} from '../../src/store/sqlite/sealed-tables.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

type Row = Record<string, string | number | Buffer | null>;

let opened: TestStore;
let raw: Database.Database;
let clients: string[];
let admins: string[];
let sessions: string[];
let links: string[];
let runs: string[];

beforeEach(async () => {
  opened = await openTestStore();
  clients = [];
  admins = [];
  sessions = [];
  links = [];
  runs = [];
  await fill();
  openRaw();
});
afterEach(async () => {
  raw.close();
  await opened.cleanUp();
});

/** What someone who writes the file has: no triggers, no foreign keys, no checks, and of unique ones the fewest. */
function openRaw(): void {
  raw = new Database(join(opened.dataDir, 'keyferry.db'));
  raw.pragma('foreign_keys = OFF');
  raw.pragma('ignore_check_constraints = ON');
  const triggers = raw
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    .pluck()
    .all();
  for (const name of triggers) raw.exec(`DROP TRIGGER ${name}`);
  for (const name of ['rotations_of', 'rotation_runs_open', 'rotation_runs_open_of']) {
    raw.exec(`DROP INDEX IF EXISTS ${name}`);
  }
}

async function fill(): Promise<void> {
  const { store, tokens, clock } = opened;
  await store.createEnvironment({ actor, name: 'review' });
  for (const secret of ['a', 'b']) {
    clock.advance(1);
    await store.createSecret({ actor, name: secret, allowedHosts: [`${secret}.example.com`] });
    for (const environment of ['staging', 'production']) {
      for (const text of ['one', 'two', 'three']) {
        clock.advance(1);
        const value = SecretValue.fromText(`${secret} ${environment} ${text}`);
        await store.addVersion({ actor, secret, environment, value, note: `${secret} ${text}` });
      }
    }
  }
  const production = { actor, environment: 'production' };
  await store.activateVersion({ ...production, secret: 'a', version: 2 });
  await store.revokeVersion({ ...production, secret: 'a', version: 3 });
  const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: [10, 50, 100] };
  for (const [secret, environment] of [
    ['a', 'staging'],
    ['b', 'production'],
  ] as const) {
    clock.advance(1);
    const place = { actor, secret, environment };
    await store.startCutover({ ...place, toVersion: 2, toSecret: null, settings });
  }
  for (const [index, environment] of ['staging', 'production', 'production'].entries()) {
    clock.advance(1);
    const client = tokens.mint('client');
    clients.push(client.token);
    await store.createClient({
      actor,
      name: `client-${index}`,
      environment,
      routes: index === 0 ? undefined : [`r${index}`],
      cidrs: index === 1 ? ['10.0.0.0/8'] : undefined,
      expiresAtMs: clock.now() + 1_000_000 + index,
      limits: index === 2 ? { requestsPerSecond: 5 } : undefined,
      tokenId: client.id,
      tokenHash: client.hash,
    });
    const admin = tokens.mint('admin');
    admins.push(admin.id);
    const made = await store.createAdmin({
      actor,
      name: `admin-${index}`,
      role: (['viewer', 'operator', 'admin'] as const)[index] ?? 'viewer',
      environments: index === 0 ? ['staging'] : undefined,
      secretPrefix: index === 1 ? 'a' : undefined,
      tokenId: admin.id,
      tokenHash: admin.hash,
    });
    const session = tokens.mint('session');
    sessions.push(session.id);
    const kept = { tokenId: session.id, tokenHash: session.hash };
    await (index === 0
      ? store.startSession({
          ...kept,
          origin: 'oidc',
          identity: { ...made, id: 'oidc:someone', name: 'someone', grantedBy: 'these' },
        })
      : store.startSession({ ...kept, origin: 'token', adminId: made.id }));
    await store.createChannel({
      actor,
      name: `channel-${index}`,
      settings: { kind: 'log', events: null, leastUrgency: 'notice', cooldownMinutes: index },
    });
    const link = tokens.mint('session');
    links.push(link.id);
    await store.createSignInLink({
      actor,
      adminId: made.id,
      tokenId: link.id,
      tokenHash: link.hash,
    });
  }
  for (const [secret, environment] of [
    ['a', 'production'],
    ['b', 'staging'],
    ['b', 'production'],
  ] as const) {
    clock.advance(1);
    await rotate(secret, environment);
  }
  for (const name of ['first', 'second', 'third']) {
    clock.advance(1);
    await store.applyRoutes({ actor, document: routesTo(name), references: [], source: 'api' });
  }
}

/** Enables a rotation; that of production is due, the others have a run. */
async function rotate(secret: string, environment: string): Promise<void> {
  const { store, clock } = opened;
  const isDue = environment === 'production';
  const { id: rotationId } = await store.enableRotation({
    ...DEFAULT_ROTATION_SETTINGS,
    actor,
    secret,
    environment,
    provider: 'aws',
    intervalDays: secret === 'a' ? 30 : 60,
    cron: null,
    config: {},
    nextRunAtMs: isDue ? clock.now() : null,
  });
  const { id } = await store.startRun({ actor, rotationId, trigger: 'manual' });
  runs.push(id);
  const { epoch = 0 } = (await store.claimRun({ id, holder: secret, leaseMs: 1 })) ?? {};
  const step = { actor, lease: { id, epoch } };
  const keys = [{ version: 1, state: 'live', keyId: `${secret} ${environment}` } as const];
  await store.advanceRun({ ...step, ifState: 'PLANNED', to: 'PREFLIGHT', keys });
  if (!isDue) return;
  await store.advanceRun({ ...step, ifState: 'PREFLIGHT', to: 'FAILED', reason: secret });
  await store.planRotation({ id: rotationId, ifNextRunAtMs: null, nextRunAtMs: clock.now() });
  if (secret === 'b') await store.startRun({ actor, rotationId, trigger: 'emergency' });
}

const routesTo = (host: string) => ({
  routes: [
    {
      name: 'r',
      match: { pathPrefix: '/r' },
      environments: { production: { upstream: `https://${host}.example.com` } },
    },
  ],
});

/** Looks at every row from beside the open store, as `doctor` does. */
async function look(): Promise<RowVerification> {
  const { database } = await inspectDatabase({ dataDir: opened.dataDir, clock: opened.clock });
  return database.verifyRows().finally(() => database.close());
}

/** What the store makes of its rows: who may come in, which values open, where they go. */
async function usable() {
  const { store } = opened;
  const references = ['a', 'b'].flatMap((secret) =>
    ['staging', 'production'].flatMap((environment) =>
      [undefined, 1, 2, 3].map((version) => ({ secret, environment, version })),
    ),
  );
  const values = await store.resolveValues(references);
  return {
    clients: (await store.clientCredentials()).map(({ name }) => name),
    admins: (await Promise.all(admins.map((id) => store.findAdmin(id)))).map(
      (admin) => admin?.name,
    ),
    values: values.map(({ status }) => status),
    route: (await store.currentRoutes())?.document,
    cutovers: (await store.runningCutovers()).map(({ secret }) => secret),
    sessions: (await Promise.all(sessions.map((id) => store.findSession(id)))).map(
      (session) => session?.admin.name,
    ),
    channels: (await store.listChannels()).map(({ name }) => name),
    links: (await Promise.all(links.map((id) => store.findSignInLink(id)))).map(Boolean),
    rotations: (await store.dueRotations(opened.clock.now() + 1_000, 10)).map(({ id }) => id),
    claimable: (await store.claimableRuns(10)).map(({ id }) => id),
    runs: await Promise.all(runs.map((id) => store.getRun(id).catch(() => 'altered'))),
    keys: await Promise.all([
      store.providerKeys('a', 'production').catch(() => []),
      store.providerKeys('b', 'staging').catch(() => []),
    ]),
  };
}

const rowsOf = (table: SealedTableName): Row[] =>
  raw.prepare<[], Row>(`SELECT * FROM ${table}`).all();

/** Makes two rows say of these columns what the other one says. */
function exchange(table: SealedTableName, columns: readonly string[], a: Row, b: Row): void {
  const where = SEALED_TABLES[table].key.map((column) => `${column} = @${column}`).join(' AND ');
  const write = (row: Row, said: Row): void => {
    const sets = Object.keys(said).map((column) => `${column} = @new_${column}`);
    const news = Object.entries(said).map(([column, value]) => [`new_${column}`, value]);
    raw
      .prepare(`UPDATE ${table} SET ${sets.join(', ')} WHERE ${where}`)
      .run({ ...pick(row, SEALED_TABLES[table].key), ...Object.fromEntries(news) });
  };
  raw.transaction(() => {
    // Names are unique at every moment.
    for (const column of columns) {
      if (typeof a[column] === 'string') write(a, { [column]: `~${a[column]}` });
    }
    write(b, pick(a, columns));
    write(a, pick(b, columns));
  })();
}

const pick = (row: Row, columns: readonly string[]): Row =>
  Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));

function remove(table: SealedTableName, row: Row): void {
  const { key } = SEALED_TABLES[table];
  const where = key.map((column) => `${column} = @${column}`).join(' AND ');
  raw.prepare(`DELETE FROM ${table} WHERE ${where}`).run(pick(row, key));
}

function insert(table: SealedTableName, row: Row): void {
  const columns = Object.keys(row);
  raw
    .prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((column) => `@${column}`).join(', ')})`,
    )
    .run(row);
}

function restore(table: SealedTableName, rows: readonly Row[]): void {
  raw.transaction(() => {
    raw.exec(`DELETE FROM ${table}`);
    for (const row of rows) insert(table, row);
  })();
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

describe('whichever columns of whichever two rows are exchanged', () => {
  test.each(SEALED_TABLE_NAMES)('in %s, both rows are found', async (table) => {
    const before = rowsOf(table);
    const { columns } = SEALED_TABLES[table];
    const { database } = await inspectDatabase({ dataDir: opened.dataDir, clock: opened.clock });
    let swaps = 0;
    for (const [index, a] of before.entries()) {
      for (const b of before.slice(index + 1)) {
        const sets: (readonly string[])[] = [...columns.map((column) => [column]), columns];
        for (const set of sets) {
          if (same(pick(a, set), pick(b, set))) continue;
          exchange(table, set, a, b);
          const { altered, missing } = await database.verifyRows();
          expect([altered.length, missing], `${set} of ${JSON.stringify([a, b])}`).toEqual([2, 0]);
          restore(table, before);
          swaps++;
        }
      }
    }
    expect(swaps).toBeGreaterThan(before.length);
    expect(await database.verifyRows()).toMatchObject({ altered: [], missing: 0, headFits: true });
    await database.close();
  });

  test('nobody comes in by them, no value opens, and no route is served', async () => {
    const whole = await usable();
    expect(whole.clients).toHaveLength(3);
    expect(whole.values.filter((status) => status === 'found')).toHaveLength(15);
    for (const table of SEALED_TABLE_NAMES) {
      if (table === 'environments') continue;
      const { store } = opened;
      const before = rowsOf(table);
      for (const [index, a] of before.entries()) {
        for (const b of before.slice(index + 1)) {
          exchange(table, SEALED_TABLES[table].columns, a, b);
          const now = await usable();
          if (table === 'routes_revisions') {
            const { revision } = a;
            expect(await store.getRevision(Number(revision))).toBeUndefined();
          } else expect(now, table).not.toEqual(whole);
          if (table === 'clients') expect(now.clients).toHaveLength(1);
          if (table === 'cutovers') expect(now.cutovers).toEqual([]);
          if (table === 'admins') expect(now.admins.filter(Boolean)).toHaveLength(1);
          if (table === 'secrets') expect(new Set(now.values)).toEqual(new Set(['damaged']));
          restore(table, before);
        }
      }
    }
    expect(await usable()).toEqual(whole);
  });
});

describe('what was put back, added or removed', () => {
  const clientRow = (name: string): Row =>
    raw.prepare<[string], Row>('SELECT * FROM clients WHERE name = ?').get(name) ?? {};
  const ledger = (): Row[] => raw.prepare<[], Row>('SELECT * FROM row_ledger').all();
  const headRow = (): Row => raw.prepare<[], Row>('SELECT * FROM audit_head').get() ?? {};
  const names = async (): Promise<string[]> =>
    (await opened.store.clientCredentials()).map(({ name }) => name);

  test.each([
    ['its row', false],
    ['its row and the ledger', true],
  ])('a revoked client stays revoked when %s of before are put back', async (_, withLedger) => {
    const [row, entries] = [clientRow('client-1'), ledger()];
    await opened.store.revokeClient({ actor, id: String(row.id) });
    for (const restart of [false, true]) {
      restore('clients', [...rowsOf('clients').filter(({ id }) => id !== row.id), row]);
      if (withLedger) {
        raw.exec('DELETE FROM row_ledger');
        for (const entry of entries) {
          raw.prepare('INSERT INTO row_ledger VALUES (@bucket, @entries)').run(entry);
        }
      }
      if (restart) opened = await opened.reopen();
      expect(await names()).not.toContain('client-1');
      expect((await opened.store.alteredRows()).join()).toContain('client "client-1"');
    }
  });

  test('with the head of before the store is not opened, until someone takes the rows as they are', async () => {
    const [row, entries, head] = [clientRow('client-1'), ledger(), headRow()];
    await opened.store.revokeClient({ actor, id: String(row.id) });
    await opened.store.close();
    restore('clients', [...rowsOf('clients').filter(({ id }) => id !== row.id), row]);
    raw.exec('DELETE FROM row_ledger; DELETE FROM audit_head');
    for (const entry of entries) {
      raw.prepare('INSERT INTO row_ledger VALUES (@bucket, @entries)').run(entry);
    }
    const columns = Object.keys(head);
    raw
      .prepare(
        `INSERT INTO audit_head (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
      )
      .run(head);
    await expect(opened.reopen()).rejects.toMatchObject({ code: 'database_corrupt' });
    expect(await look()).toMatchObject({ headFits: false });
    expect(await acceptRows({ dataDir: opened.dataDir, clock: opened.clock })).toMatchObject({
      headFits: false,
    });
    opened = await opened.reopen();
    expect(await names()).toContain('client-1');
    const { items } = await opened.store.listAudit({ action: 'rows.accept' });
    expect(items).toHaveLength(1);
    expect(await opened.store.verifyAudit()).toMatchObject({ ok: true });
  });

  test.each([
    ['the head', 'DELETE FROM audit_head'],
    ['the head and the ledger', 'DELETE FROM audit_head; DELETE FROM row_ledger'],
    [
      'the head, the ledger and the audit log',
      'DELETE FROM audit_head; DELETE FROM row_ledger; DELETE FROM audit',
    ],
    ["the head's part of the ledger", 'UPDATE audit_head SET buckets = NULL, row_mac = NULL'],
  ])('without %s the store is not opened', async (_, sql) => {
    await opened.store.close();
    raw.exec(sql);
    await expect(opened.reopen()).rejects.toMatchObject({ code: 'database_corrupt' });
  });

  test('an admin that was written into the file does not come in', async () => {
    const mine = opened.tokens.mint('admin');
    const [admin] = rowsOf('admins');
    insert('admins', {
      ...admin,
      id: 'mine',
      name: 'mine',
      role: 'admin',
      token_id: mine.id,
      token_hash: Buffer.from(mine.hash),
    });
    expect(await opened.store.findAdmin(mine.id)).toBeUndefined();
    expect(await look()).toMatchObject({ altered: ['admin "mine"'], missing: 0 });
  });

  test('an older routes revision does not become the applied one by removing the newest', async () => {
    remove('routes_revisions', { revision: 3 });
    expect(await opened.store.currentRoutes()).toBeUndefined();
    expect(await look()).toMatchObject({ altered: [], missing: 1 });
    const document = routesTo('fourth');
    const applied = await opened.store.applyRoutes({
      actor,
      document,
      references: [],
      source: 'api',
    });
    expect(applied.revision).toBe(4);
    expect((await opened.store.currentRoutes())?.document).toEqual(document);
  });

  test('an environment that was declared in the file does not exist', async () => {
    insert('environments', { name: 'mine', created_at_ms: 1, reserved: 0 });
    const minted = opened.tokens.mint('client');
    const client = { actor, name: 'c', tokenId: minted.id, tokenHash: minted.hash };
    await expect(
      opened.store.createClient({ ...client, environment: 'mine' }),
    ).rejects.toMatchObject({ code: 'environment_unknown' });
  });
});

describe('a database from before there was a ledger', () => {
  /** Leaves the head as the first release wrote it. */
  async function makeOlder(): Promise<void> {
    await opened.store.close();
    const { databaseId } = opened.store;
    const file = join(opened.dataDir, 'master.key');
    const keys = raw
      .prepare<[], StoredKey>(
        'SELECT id, purpose, root_key_id AS rootKeyId, wrapped FROM stored_keys',
      )
      .all();
    const keyring = new Keyring(await loadRootKey({ type: 'file', file }));
    const [key] = openStoredKeys(keyring, databaseId, keys).audit;
    const newest = raw.prepare<[], Row>('SELECT * FROM audit ORDER BY seq DESC LIMIT 1').get();
    const mac = createHmac('sha256', key?.key.expose() ?? '')
      .update(`head ${databaseId} ${newest?.seq} `)
      .update(newest?.mac as Buffer)
      .digest();
    raw.exec('DELETE FROM row_ledger');
    raw.prepare('UPDATE audit_head SET mac = ?, row_mac = NULL, buckets = NULL').run(mac);
  }

  test('gets one at its first start', async () => {
    const whole = await usable();
    await makeOlder();
    expect(await look()).toMatchObject({ headFits: false });
    opened = await opened.reopen();
    expect(await usable()).toEqual(whole);
    expect(await look()).toMatchObject({ altered: [], missing: 0, headFits: true });
    expect(await opened.store.verifyAudit()).toMatchObject({ ok: true });
  });

  test('gets none where its head is not that of its audit log', async () => {
    await makeOlder();
    raw.exec('UPDATE audit_head SET seq = seq - 1');
    await expect(opened.reopen()).rejects.toMatchObject({ code: 'database_corrupt' });
  });
});

describe('a row that was altered', () => {
  test('is not made good by a change of something else in it', async () => {
    raw.exec("UPDATE secrets SET allowed_hosts = '[]' WHERE name = 'a'");
    const change = { actor, name: 'a', changes: { owner: 'me' } };
    await expect(opened.store.updateSecret(change)).rejects.toMatchObject({
      code: 'database_corrupt',
    });
    raw.exec("UPDATE secret_environments SET current_version = 3 WHERE environment = 'staging'");
    const target = { actor, secret: 'b', environment: 'staging' };
    await expect(opened.store.activateVersion({ ...target, version: 2 })).rejects.toMatchObject({
      code: 'database_corrupt',
    });
    const value = SecretValue.fromText('value');
    await expect(opened.store.addVersion({ ...target, value })).rejects.toMatchObject({
      code: 'database_corrupt',
    });
  });

  test('can be ended or deleted', async () => {
    raw.exec(`UPDATE clients SET environment = 'production' WHERE name = 'client-0';
      UPDATE admins SET role = 'admin'; UPDATE secrets SET allowed_hosts = '[]' WHERE name = 'a'`);
    const id = String(rowsOf('clients')[0]?.id);
    await opened.store.revokeClient({ actor, id });
    await opened.store.revokeAdmin({ actor, id: String(rowsOf('admins')[0]?.id) });
    await opened.store.deleteSecret({ actor, name: 'a', force: { reason: 'altered' } });
    expect(await look()).toMatchObject({ altered: ['admin "admin-1"'], missing: 0 });
  });
});

test('no row is taken for altered, whatever commands were given', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const environment = fc.constantFrom('staging', 'production', 'review', 'other');
  const version = fc.integer({ min: 1, max: 4 });
  const force = { reason: 'test' };
  const value = SecretValue.fromText('value');
  const commands = [
    fc.record({ name }).map((it) => () => opened.store.createSecret({ actor, ...it })),
    fc
      .record({ name, owner: fc.string() })
      .map(
        (it) => () =>
          opened.store.updateSecret({ actor, name: it.name, changes: { owner: it.owner } }),
      ),
    fc.record({ name }).map((it) => () => opened.store.deleteSecret({ actor, ...it, force })),
    fc
      .record({ secret: name, environment })
      .map((it) => () => opened.store.addVersion({ actor, ...it, value })),
    fc
      .record({ secret: name, environment, version })
      .map((it) => () => opened.store.activateVersion({ actor, ...it })),
    fc
      .record({ secret: name, environment, version })
      .map((it) => () => opened.store.revokeVersion({ actor, ...it, force })),
    fc
      .record({ secret: name, environment, version })
      .map((it) => () => opened.store.destroyVersion({ actor, ...it, force })),
    fc
      .record({ secret: name, environment })
      .map((it) => () => opened.store.rollback({ actor, ...it })),
    environment.map((it) => () => opened.store.createEnvironment({ actor, name: it })),
    environment.map((it) => () => opened.store.deleteEnvironment({ actor, name: it })),
    environment.map((it) => () => {
      const { id: tokenId, hash: tokenHash } = opened.tokens.mint('client');
      return opened.store.createClient({
        actor,
        name: `c ${tokenId}`,
        environment: it,
        tokenId,
        tokenHash,
      });
    }),
    fc.nat().map((nth) => async () => {
      const { items } = await opened.store.listClients({});
      const limits = nth % 2 === 0 ? null : { requestsPerSecond: nth };
      return opened.store.updateClient({ actor, id: items[nth % items.length]?.id ?? '', limits });
    }),
    fc.nat().map((nth) => async () => {
      const { items } = await opened.store.listClients({});
      return opened.store.revokeClient({ actor, id: items[nth % items.length]?.id ?? '' });
    }),
    fc.nat().map((nth) => async () => {
      const { items } = await opened.store.listAdmins({});
      return opened.store.revokeAdmin({ actor, id: items[nth % items.length]?.id ?? '' });
    }),
    fc.constant(() =>
      opened.store.applyRoutes({ actor, document: { routes: [] }, references: [], source: 'api' }),
    ),
  ] as fc.Arbitrary<() => Promise<unknown>>[];
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...commands), { maxLength: 60 }), async (list) => {
      for (const command of list) {
        outcomes.add(
          await command().then(
            () => 'done',
            (error: unknown) => (error instanceof AppError ? error.code : String(error)),
          ),
        );
      }
      expect(await look()).toMatchObject({ altered: [], missing: 0, headFits: true });
      expect(await opened.store.alteredRows()).toEqual([]);
    }),
    { numRuns: 10, seed: 3 },
  );
  opened = await opened.reopen();
  expect(await look()).toMatchObject({ altered: [], missing: 0, headFits: true });
  expect(outcomes).toContain('done');
  expect(outcomes).not.toContain('database_corrupt');
  expect(outcomes).not.toContain('internal_error');
});

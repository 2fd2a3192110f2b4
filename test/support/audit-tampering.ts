import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from './open-test-store.js';

export const AUDIT_COLUMNS = [
  'seq',
  'at_ms',
  'actor_type',
  'actor_id',
  'actor_name',
  'action',
  'secret',
  'environment',
  'detail',
  'key_id',
  'mac',
] as const;
export type AuditColumn = (typeof AUDIT_COLUMNS)[number];

/** A row as its bytes: numbers as eight, big-endian. */
export type AuditBytes = Readonly<Record<AuditColumn, Buffer | null>>;

export interface TamperedLog {
  readonly opened: TestStore;
  readonly rows: readonly AuditBytes[];
  /** Puts these rows in the place of all that are there, past every trigger. */
  write(rows: readonly AuditBytes[]): void;
  /** Changes one column of one row. */
  set(seq: number, column: Exclude<AuditColumn, 'seq'>, bytes: Buffer | null): void;
  /** The head as it is, and as it was at an earlier moment. */
  readonly heads: ReadonlyMap<number, unknown>;
  putHead(seq: number): void;
  /** Brings every row into the file, once, and leaves it. */
  close(): void;
  cleanUp(): Promise<void>;
}

/** A store whose audit log holds rows of all kinds, and what someone who writes its file can do to them. */
export async function openTamperedLog(rounds: number): Promise<TamperedLog> {
  const opened = await openTestStore();
  const raw = new Database(join(opened.dataDir, 'keyferry.db'));
  raw.pragma('synchronous = OFF');
  raw.pragma('ignore_check_constraints = ON');
  const heads = new Map<number, unknown>();
  const head = raw.prepare<[], { seq: number }>('SELECT * FROM audit_head');
  for (let round = 0; round < rounds; round++) {
    for await (const _ of commands(opened, round)) {
      const now = head.get();
      if (now !== undefined) heads.set(now.seq, now);
    }
  }
  const triggers = raw
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    .pluck()
    .all();
  for (const name of triggers) raw.exec(`DROP TRIGGER ${name}`);

  const text = (column: AuditColumn): boolean => !['seq', 'at_ms', 'mac'].includes(column);
  const toSql = (column: AuditColumn): string =>
    text(column) ? `CAST(? AS TEXT)` : column === 'mac' ? '?' : 'CAST(? AS INTEGER)';
  const toValue = (column: AuditColumn, bytes: Buffer | null): unknown =>
    column === 'seq' || column === 'at_ms' ? bytes?.readBigInt64BE() : bytes;
  const insert = raw.prepare(
    `INSERT OR REPLACE INTO audit (${AUDIT_COLUMNS.join(', ')})
     VALUES (${AUDIT_COLUMNS.map(toSql).join(', ')})`,
  );
  const clear = raw.prepare('DELETE FROM audit');
  const updates = new Map(
    AUDIT_COLUMNS.map((column) => [
      column,
      raw.prepare(`UPDATE audit SET ${column} = ${toSql(column)} WHERE seq = ?`),
    ]),
  );
  const stored = raw
    .prepare<[], (Buffer | null)[]>(
      `SELECT ${AUDIT_COLUMNS.map((column) => (text(column) ? `CAST(${column} AS BLOB)` : column)).join(', ')} FROM audit ORDER BY seq`,
    )
    .raw()
    .all();
  const rows = stored.map(
    (values) =>
      Object.fromEntries(
        AUDIT_COLUMNS.map((column, index) => {
          const value: unknown = values[index];
          if (typeof value !== 'number') return [column, value];
          const bytes = Buffer.alloc(8);
          bytes.writeBigInt64BE(BigInt(value));
          return [column, bytes];
        }),
      ) as AuditBytes,
  );
  return {
    opened,
    rows,
    heads,
    write: raw.transaction((next: readonly AuditBytes[]) => {
      clear.run();
      for (const row of next) {
        insert.run(AUDIT_COLUMNS.map((column) => toValue(column, row[column])));
      }
    }),
    set: (seq, column, bytes) => void updates.get(column)?.run(toValue(column, bytes), seq),
    putHead(seq) {
      const { mac, row_mac, buckets } = heads.get(seq) as Record<string, unknown>;
      raw
        .prepare('UPDATE audit_head SET seq = ?, mac = ?, row_mac = ?, buckets = ?')
        .run(seq, mac, row_mac, buckets);
    },
    close() {
      raw.exec('VACUUM');
      raw.pragma('wal_checkpoint(TRUNCATE)');
      raw.close();
    },
    async cleanUp() {
      if (raw.open) raw.close();
      await opened.cleanUp();
    },
  };
}

/** One row of each kind, after each of which the caller has a look. */
async function* commands({ store, tokens, clock }: TestStore, round: number): AsyncGenerator<void> {
  const secret = `s${round}`;
  const environment = ['production', 'staging', 'development'][round % 3] ?? 'production';
  const of = { actor: { ...actor, name: `Zoë \ufffd ${round}` }, secret, environment };
  const value = SecretValue.fromText('one');
  const work: (() => Promise<unknown>)[] = [
    () => store.createEnvironment({ actor, name: `e${round}` }),
    () => store.createSecret({ actor, name: secret, description: 'Grüße \ufffd' }),
    () => store.updateSecret({ actor, name: secret, changes: { owner: `o${round}` } }),
    () => store.addVersion({ ...of, value }),
    () => store.addVersion({ ...of, value, note: 'a note' }),
    () => store.activateVersion({ ...of, version: 2 }),
    () => store.rollback(of),
    () => store.activateVersion({ ...of, version: 2 }),
    () => store.revokeVersion({ ...of, version: 1, force: { reason: 'leaked\ufffd' } }),
    () => store.destroyVersion({ ...of, version: 1, force: { reason: 'gone' } }),
    () => store.applyRoutes({ actor, document: { routes: [] }, references: [], source: 'api' }),
    async () => {
      const { id: tokenId, hash: tokenHash } = tokens.mint('client');
      const client = { actor, name: `c${round}`, environment, tokenId, tokenHash };
      const { id } = await store.createClient(client);
      await store.updateClient({ actor, id, limits: { requestsPerSecond: 5 } });
    },
    async () => {
      const { id: tokenId, hash: tokenHash } = tokens.mint('admin');
      await store.createAdmin({ actor, name: `a${round}`, role: 'viewer', tokenId, tokenHash });
    },
    () => store.recordAudit({ actor, action: 'backup.create', detail: { bytes: round } }),
    () => store.deleteSecret({ actor, name: secret, force: { reason: 'over' } }),
  ];
  for (const command of work) {
    clock.advance(1000 + round);
    await command();
    yield;
  }
}

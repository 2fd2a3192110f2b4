import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

let opened: TestStore;
let raw: Database.Database;
beforeEach(async () => {
  opened = await openTestStore();
  for (const secret of ['a', 'b']) {
    await opened.store.createSecret({ actor, name: secret });
    for (const environment of ['staging', 'production']) {
      for (const version of [1, 2]) {
        const value = SecretValue.fromText(`${secret} ${environment} ${version}`);
        await opened.store.addVersion({ actor, secret, environment, value });
      }
    }
  }
  raw = new Database(join(opened.dataDir, 'keyferry.db'));
  raw.exec('DROP TRIGGER values_are_immutable; DROP TRIGGER versions_are_immutable');
});
afterEach(async () => {
  raw.close();
  await opened.cleanUp();
});

interface Row {
  position: number;
  secret: string;
  environment: string;
  version: number;
}

const COLUMN_SETS = [
  ['ciphertext'],
  ['wrapped_key'],
  ['ciphertext', 'wrapped_key'],
  ['ciphertext', 'wrapped_key', 'key_id', 'algorithm'],
] as const;

test('no value opens in the row of another, whichever two rows are swapped', async () => {
  const rows = raw
    .prepare<[], Row>(
      `SELECT v.position, s.name AS secret, v.environment, v.version
       FROM versions AS v JOIN secrets AS s ON s.id = v.secret_id`,
    )
    .all();
  const pairs = rows.flatMap((a, i) => rows.slice(i + 1).map((b) => [a, b] as const));
  expect(pairs).toHaveLength(28);
  for (const columns of COLUMN_SETS) {
    for (const [a, b] of pairs) {
      exchange(columns, a.position, b.position);
      for (const reference of [a, b]) {
        expect(await opened.store.resolveValues([reference])).toEqual([
          { status: 'damaged', version: reference.version },
        ]);
      }
      exchange(columns, a.position, b.position);
    }
  }
  const answers = await opened.store.resolveValues(rows);
  expect(answers.every(({ status }) => status === 'found')).toBe(true);
});

function exchange(columns: readonly string[], a: number, b: number): void {
  const read = raw.prepare<[number], Record<string, unknown>>(
    `SELECT ${columns.join(', ')} FROM versions WHERE position = ?`,
  );
  const write = raw.prepare(
    `UPDATE versions SET ${columns.map((column) => `${column} = @${column}`).join(', ')}
     WHERE position = @position`,
  );
  const [first, second] = [read.get(a), read.get(b)];
  write.run({ ...second, position: a });
  write.run({ ...first, position: b });
}

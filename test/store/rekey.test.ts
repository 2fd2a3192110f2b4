import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { generateRootKey, writeRootKey } from '../../src/crypto/index.js';
import { acceptRows, rekey } from '../../src/maintenance.js';
import { openKeyferryStore, type RootKeySource } from '../../src/open-store.js';
import { filledName, filledValue, fillStore } from '../support/fill-store.js';
import { runAndKill } from '../support/kill-process.js';
import { TEST_ACTOR as actor, newDataDir } from '../support/open-test-store.js';
import { seededRandom } from '../support/seeded-random.js';
import { campaign as rekeyKills } from '../torture/campaigns/rekey-kills.js';
import { expectClean } from '../torture/expect-clean.js';

const VALUES = 3_000;
const clock = { now: () => Date.now() };
const environment = 'production';

let dataDir: string;
beforeEach(() => {
  dataDir = newDataDir();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const open = (rootKey?: RootKeySource) =>
  openKeyferryStore({ dataDir, rootKey, clock, createIfMissing: true });
const keyFile = (name: string) => join(dataDir, name);

async function expectAllValues(count: number, rootKey?: RootKeySource): Promise<void> {
  const { store } = await open(rootKey);
  const references = Array.from({ length: count }, (_, index) => ({
    secret: filledName(index),
    environment,
    version: undefined,
  }));
  const answers = await store.resolveValues(references);
  const found = answers.map((answer) =>
    answer.status === 'found' ? Buffer.from(answer.value.expose()).toString() : answer.status,
  );
  expect(found).toEqual(references.map((_, index) => filledValue(index, environment)));
  expect(await store.verifyAudit()).toMatchObject({ ok: true });
  await store.close();
}

async function filled(count: number): Promise<void> {
  await (await open()).store.close();
  await fillStore({ dataDir, secrets: count });
  await acceptRows({ dataDir, clock });
}

describe('a rekey', () => {
  test('changes the root key and nothing else: values, tokens and the audit log stay good', async () => {
    await filled(5);
    const first = await open();
    await first.store.createSecret({ actor, name: 'more' });
    const minted = first.tokens.mint('client');
    await first.store.close();
    const oldKey = readFileSync(keyFile('master.key'), 'latin1');

    const result = await rekey({ dataDir, clock });
    expect(result).toMatchObject({ rewrapped: 5, resumed: false });
    expect(result.rootKeyId).not.toBe(first.rootKeyId);
    expect(result.oldRootKeyFile).toBe(keyFile(`master.key.old-${first.rootKeyId}`));
    expect(readFileSync(result.oldRootKeyFile ?? '', 'latin1')).toBe(oldKey);
    expect(readFileSync(keyFile('master.key'), 'latin1')).not.toBe(oldKey);
    expect(existsSync(keyFile('master.key.next'))).toBe(false);

    await expectAllValues(5);
    const second = await open();
    expect(second.rootKeyId).toBe(result.rootKeyId);
    expect(second.tokens.matches(minted.token, minted.hash)).toBe(true);
    await second.store.createSecret({ actor, name: 'later' });
    expect(await second.store.verifyAudit()).toEqual({ ok: true, rows: 4 });
    expect((await second.store.listAudit({ action: 'root_key.rekey' })).items).toMatchObject([
      { detail: { from: first.rootKeyId, to: result.rootKeyId } },
    ]);
    await second.store.close();
    const oldSource = { type: 'file', file: result.oldRootKeyFile ?? '' } as const;
    await expect(open(oldSource)).rejects.toMatchObject({ code: 'root_key_wrong' });
  });

  test('leads from a key file to a passphrase and back to a given key', async () => {
    await filled(3);
    const passphrase = {
      type: 'passphrase',
      passphrase: SecretValue.fromText('correct horse battery'),
    } as const;
    await rekey({ dataDir, clock, newRootKey: passphrase });
    await expectAllValues(3, passphrase);
    const value = { type: 'value', value: SecretValue.fromText('ab'.repeat(32)) } as const;
    await rekey({ dataDir, clock, rootKey: passphrase, newRootKey: value });
    await expectAllValues(3, value);
    await expect(
      rekey({ dataDir, clock, rootKey: value, newRootKey: value }),
    ).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(rekey({ dataDir, clock, rootKey: value })).rejects.toMatchObject({
      code: 'config_invalid',
    });
  });

  test('is refused with a wrong key, and beside a running server', async () => {
    await filled(1);
    const value = { type: 'value', value: SecretValue.fromText('ab'.repeat(32)) } as const;
    await expect(
      rekey({ dataDir, clock, rootKey: value, newRootKey: value }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(config_invalid|root_key_wrong)$/) });
    const { store } = await open();
    await expect(rekey({ dataDir, clock })).rejects.toMatchObject({ code: 'data_folder_locked' });
    await store.close();
    expect(readdirSync(dataDir).filter((name) => name.startsWith('master.key'))).toEqual([
      'master.key',
    ]);
  });

  test('cut off before it was recorded, before the new key took its place, or between the renames goes on', async () => {
    await filled(2);
    const old = keyFile('master.key');
    const next = keyFile('master.key.next');
    await writeRootKey(next, generateRootKey());
    await expect(open()).rejects.toMatchObject({ code: 'rekey_unfinished' });
    const { oldRootKeyFile } = await rekey({ dataDir, clock });
    await expectAllValues(2);

    renameSync(old, next);
    renameSync(oldRootKeyFile ?? '', old);
    await expect(open()).rejects.toMatchObject({ code: 'rekey_unfinished' });
    expect(await rekey({ dataDir, clock })).toMatchObject({ rewrapped: 0, resumed: true });
    await expectAllValues(2);

    renameSync(old, next);
    await expect(open()).rejects.toMatchObject({ code: 'rekey_unfinished' });
    expect(await rekey({ dataDir, clock })).toMatchObject({ rewrapped: 0, resumed: true });
    await expectAllValues(2);
  });

  test('whose new key was lost half way says which file is missing', async () => {
    await filled(VALUES);
    const random = seededRandom(3);
    for (let tries = 0; tries < 50; tries++) {
      // Later and later: a busy machine takes its time until the middle.
      const afterMs = 40 + random() * (100 + 60 * tries);
      await runAndKill('rekey-process.mjs', [dataDir], afterMs);
      const attempt = await open().then(
        ({ store }) => store.close(),
        () => 'unfinished',
      );
      if (attempt !== 'unfinished' || !existsSync(keyFile('master.key'))) continue;
      renameSync(keyFile('master.key.next'), keyFile('kept'));
      const error = await rekey({ dataDir, clock }).catch((caught: unknown) => caught);
      if (error instanceof Error) {
        expect(error).toMatchObject({ code: 'root_key_missing' });
        renameSync(keyFile('kept'), keyFile('master.key.next'));
        await rekey({ dataDir, clock });
        await expectAllValues(VALUES);
        return;
      }
    }
    expect.unreachable('no kill hit the middle of a rekey');
  });

  test('goes on after 16 kills at any moment, and every value opens', async () => {
    await expectClean(rekeyKills, 16, 7);
  });
});

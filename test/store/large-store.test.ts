import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acceptRows } from '../../src/maintenance.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { filledName, fillStore } from '../support/fill-store.js';
import { newDataDir } from '../support/open-test-store.js';

const SECRETS = process.env.KEYFERRY_TORTURE === undefined ? 10_000 : 100_000;
const clock = { now: () => Date.now() };
let dataDir: string;
beforeEach(() => {
  dataDir = newDataDir();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test(`a store of ${SECRETS} secrets opens within a second and lists them in pages`, async () => {
  await (await openKeyferryStore({ dataDir, clock, createIfMissing: true })).store.close();
  await fillStore({ dataDir, secrets: SECRETS });
  await acceptRows({ dataDir, clock });
  const startedAt = performance.now();
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  let cursor: string | undefined;
  let seen = 0;
  do {
    const page = await store.listSecrets({ limit: 1_000, cursor });
    for (const { name } of page.items) expect(name).toBe(filledName(seen++));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(seen).toBe(SECRETS);
  await store.close();
}, 300_000);

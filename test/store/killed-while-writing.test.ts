import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openKeyferryStore } from '../../src/open-store.js';
import { runAndKill } from '../support/kill-process.js';
import { newDataDir } from '../support/open-test-store.js';
import { seededRandom } from '../support/seeded-random.js';

/** `KEYFERRY_TORTURE=1` runs the whole number. */
const KILLS = process.env.KEYFERRY_TORTURE === undefined ? 20 : 200;
const LONGEST_LIFE_MS = 120;
/** Issue 2: start-up within 2 s after a kill. */
const REOPEN_MS = 2_000;
const clock = { now: () => Date.now() };

let dataDir: string;
beforeEach(() => {
  dataDir = newDataDir();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test(`no acknowledged write is lost in ${KILLS} kills under four writers`, async () => {
  const random = seededRandom(20_261_121);
  const acknowledged = new Map<string, string>();
  for (let kill = 0; kill < KILLS; kill++) {
    const { lines, errors } = await runAndKill(
      'writer-process.mjs',
      [dataDir],
      random() * LONGEST_LIFE_MS,
    );
    expect(errors).toBe('');
    const fresh = new Map(lines.map((line) => [line.split(' ', 2).join(' '), line]));
    for (const [key, line] of fresh) acknowledged.set(key, line);

    const startedAt = performance.now();
    const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
    expect(performance.now() - startedAt).toBeLessThan(REOPEN_MS);
    const lastKill = kill === KILLS - 1;
    const lookedAt = [...(lastKill ? acknowledged : fresh).values()].map((line) => line.split(' '));
    const answers = await store.resolveValues(
      lookedAt.map(([secret = '', version]) => ({
        secret,
        environment: 'production',
        version: Number(version),
      })),
    );
    const found = answers.map((answer) =>
      answer.status === 'found' ? Buffer.from(answer.value.expose()).toString() : answer.status,
    );
    expect(found).toEqual(lookedAt.map(([, , text]) => text));
    expect(await store.verifyAudit()).toMatchObject({ ok: true });
    await store.close();
  }
  expect(acknowledged.size).toBeGreaterThan(KILLS);
}, 600_000);

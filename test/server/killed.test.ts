import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { SecretValue } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { seededRandom } from '../support/seeded-random.js';
import { callAdmin, serveKeyferry, temporaryDataDir } from '../support/serve-process.js';

/** `KEYFERRY_TORTURE=1` runs the whole number. */
const WHOLE = process.env.KEYFERRY_TORTURE !== undefined;
const KILLS = WHOLE ? 200 : 5;
const WRITERS = 4;
const LONGEST_LIFE_MS = 250;
/** Issue 2: start-up within 2 s after a kill; more beside other tests. */
const READY_MS = WHOLE ? 2_000 : 10_000;

test(`no write that the API acknowledged is lost in ${KILLS} kills, and the server is back within ${READY_MS} ms`, async () => {
  const random = seededRandom(20_261_122);
  const dataDir = temporaryDataDir();
  /** `secret version` → value. */
  const acknowledged = new Map<string, string>();
  const readyMs: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const server = await serveKeyferry({ dataDir });
    readyMs.push(server.readyMs);
    const token = await server.token();
    const write = async (writer: number): Promise<void> => {
      const secret = `s_${kill}_${writer}`;
      const post = async (path: string, body: unknown) =>
        callAdmin(server.adminUrl, token, 'POST', path, body);
      await post('/v1/secrets', { name: secret });
      for (let next = 1; ; next++) {
        const value = `${secret}-${random()}`;
        const path = `/v1/secrets/${secret}/environments/production/versions`;
        const { status, body } = await post(path, { value });
        expect([status, body.version]).toEqual([201, next]);
        acknowledged.set(`${secret} ${next}`, value);
      }
    };
    const writing = Array.from({ length: WRITERS }, (_, writer) =>
      // The kill cuts the connection.
      write(writer).catch((error: unknown) => expect(error).toBeInstanceOf(TypeError)),
    );
    await wait(20 + random() * LONGEST_LIFE_MS);
    await server.kill();
    await Promise.all(writing);
  }

  const clock = { now: () => Date.now() };
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: false });
  const references = [...acknowledged.keys()].map((key) => {
    const [secret = '', version] = key.split(' ');
    return { secret, environment: 'production', version: Number(version) };
  });
  const found = (await store.resolveValues(references)).map((answer) =>
    answer.status === 'found' ? textOf(answer.value) : answer.status,
  );
  expect(found).toEqual([...acknowledged.values()]);
  expect(await store.verifyAudit()).toMatchObject({ ok: true });
  await store.close();
  expect(acknowledged.size).toBeGreaterThan(KILLS * WRITERS);
  readyMs.sort((a, b) => a - b);
  const [median = 0, slowest = 0] = [readyMs[KILLS >> 1], readyMs.at(-1)];
  console.info(
    `${acknowledged.size} writes; ready after ${Math.round(median)} ms, ${Math.round(slowest)} ms at most`,
  );
  expect(slowest).toBeLessThan(READY_MS);
}, 900_000);

function textOf(value: SecretValue): string {
  return Buffer.from(value.expose()).toString();
}

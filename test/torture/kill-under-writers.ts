import { setTimeout as wait } from 'node:timers/promises';
import { vi } from 'vitest';
import { callAdmin } from '../support/call-admin.js';
import { lostWrites } from '../support/lost-writes.js';
import { PATIENCE_MS } from '../support/patience.js';
import { seededRandom } from '../support/seeded-random.js';
import { serveKeyferry, temporaryDataDir } from '../support/serve-process.js';
import type { Slice, SliceOutcome } from './campaign.js';

const WRITERS = 4;
const LONGEST_LIFE_MS = 250;

/**
 * Kills servers with SIGKILL under writers at the admin API: no write that was answered is lost, and the next
 * server is ready within `readyMs`.
 */
export async function killUnderWriters(
  { seed, count, signal }: Slice,
  readyMs: number,
): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  const dataDir = temporaryDataDir();
  /** `secret version` → value. */
  const acknowledged = new Map<string, string>();
  const took: number[] = [];
  const findings: string[] = [];
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const server = await serveKeyferry({ dataDir });
    took.push(server.readyMs);
    const token = await server.token();
    const write = async (writer: number): Promise<void> => {
      const secret = `s_${done}_${writer}`;
      await callAdmin(server.adminUrl, token, 'POST', '/v1/secrets', { name: secret });
      const path = `/v1/secrets/${secret}/environments/production/versions`;
      for (let next = 1; ; next++) {
        const value = `${secret}-${random()}`;
        const { status, body } = await callAdmin(server.adminUrl, token, 'POST', path, { value });
        if (status === 201 && body.version === next) acknowledged.set(`${secret} ${next}`, value);
        else findings.push(`version ${next} of ${secret}: ${status} ${JSON.stringify(body)}`);
      }
    };
    const writing = Array.from({ length: WRITERS }, (_, writer) =>
      write(writer).catch((error: unknown) => {
        // The kill cuts the connection.
        if (!(error instanceof TypeError)) findings.push(String(error));
      }),
    );
    // One in five is killed while it still begins.
    if (done % 5 > 0) {
      const before = acknowledged.size;
      await vi.waitUntil(() => acknowledged.size > before, { timeout: PATIENCE_MS, interval: 5 });
    }
    await wait(random() * LONGEST_LIFE_MS);
    await server.kill();
    await Promise.all(writing);
    done++;
  }

  findings.push(...(await lostWrites(dataDir, acknowledged)));
  if (acknowledged.size < done - Math.ceil(done / 5)) {
    findings.push(`only ${acknowledged.size} writes`);
  }
  const late = took.filter((ms) => ms > readyMs);
  if (late.length > 0) findings.push(`ready after ${late.map(Math.round).join(', ')} ms`);
  took.sort((a, b) => a - b);
  const [median = 0, slowest = 0] = [took[took.length >> 1], took.at(-1)].map((ms = 0) =>
    Math.round(ms),
  );
  const note = `${acknowledged.size} writes; ready after ${median} ms, ${slowest} ms at most`;
  return { done, findings, note };
}

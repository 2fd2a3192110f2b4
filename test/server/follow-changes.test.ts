import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followChanges } from '../../src/follow-changes.js';
import { createLog } from '../../src/telemetry/index.js';
import { serveKeyferry } from '../support/serve-process.js';

const lines: string[] = [];
const sink = { write: (bytes: Uint8Array) => lines.push(Buffer.from(bytes).toString()) };

beforeEach(() => {
  lines.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

test('a snapshot that fell behind catches up by itself, and says so once', async () => {
  vi.useFakeTimers();
  let works = false;
  let calls = 0;
  const log = createLog('info', sink);
  const follower = followChanges(
    async () => {
      calls++;
      if (!works) throw new Error('no store');
    },
    log,
    false,
  );
  expect(follower.behind).toBe(false);
  await vi.advanceTimersByTimeAsync(3000);
  expect([follower.behind, calls]).toEqual([true, 3]);
  works = true;
  await vi.advanceTimersByTimeAsync(2000);
  expect(follower.behind).toBe(false);
  follower.close();
  await vi.advanceTimersByTimeAsync(5000);
  expect(calls).toBe(5);
  log.close();
  const events = lines
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(['snapshot_behind', 'snapshot_caught_up']);
});

test('SIGHUP without a routes file does not end the server', async () => {
  const server = await serveKeyferry();
  process.kill(server.pid, 'SIGHUP');
  await sleep(300);
  const response = await fetch(`${server.adminUrl}/readyz`);
  expect(response.status).toBe(200);
  await server.stop();
});

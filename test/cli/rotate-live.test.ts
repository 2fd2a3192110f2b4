import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startKeyedUpstream } from '../support/keyed-upstream.js';
import { sendRequest } from '../support/send-request.js';
import { startKeyferry, type TestKeyferry } from '../support/start-keyferry.js';
import { type CapturedRun, runCaptured } from './capture.js';

/** The command against a whole server: its engine, its proxy, and an upstream that knows keys. */
async function start(): Promise<{
  keyferry: TestKeyferry;
  rotate(value: string, more?: string): Promise<CapturedRun>;
  /** Sends requests as two apps until the rotation is over; gives the statuses that they saw. */
  during(rotation: Promise<CapturedRun>): Promise<Set<number>>;
}> {
  const upstream = await startKeyedUpstream(['key-1', 'key-2']);
  const keyferry = await startKeyferry();
  await keyferry.secret('pay_key', { production: 'key-1' });
  await keyferry.routes([
    {
      name: 'pay',
      match: { pathPrefix: '/pay' },
      headers: { Authorization: 'Bearer <<secret:pay_key>>' },
      allowPrivateNetwork: true,
      environments: { production: { upstream: upstream.origin } },
    },
  ]);
  const tokens = [await keyferry.client('production'), await keyferry.client('production')];
  const port = keyferry.server.proxyAddress.port;
  const adminToken = (await readFile(`${keyferry.dataDir}/admin-token`, 'utf8')).trim();
  return {
    keyferry,
    rotate: (value, more = '') =>
      runCaptured(
        `rotate pay_key -e production --steps 50 --step-min-samples 10 --step-min-seconds 0${more}`.split(
          ' ',
        ),
        {
          environment: {
            KEYFERRY_ADMIN_URL: keyferry.adminUrl,
            KEYFERRY_ADMIN_TOKEN: adminToken,
          },
          stdin: value,
          ports: { untilStopSignal: () => new Promise(() => undefined) },
        },
      ),
    async during(rotation) {
      let over = false;
      void rotation.finally(() => {
        over = true;
      });
      const statuses = new Set<number>();
      while (!over) {
        const replies = await Promise.all(
          tokens.map((token) => sendRequest({ port, token }, { path: '/pay/x', body: '{}' })),
        );
        for (const { status } of replies) statuses.add(status);
        await wait(20);
      }
      return statuses;
    },
  };
}

test('a good key goes live by itself', async () => {
  const { keyferry, rotate, during } = await start();
  const rotation = rotate('key-2');
  expect([...(await during(rotation))]).toEqual([200]);
  const { exitCode, stdout } = await rotation;
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /\[3\/5\] Verifying with live traffic \(50 %\)… \d{2,} requests, 0 refused ✓\n/,
  );
  expect(stdout).toContain('[4/5] Current: every request takes version 2 ✓\n');
  const { body } = await keyferry.call('GET', '/v1/secrets/pay_key');
  expect(body.currentVersions).toEqual({ production: 2 });
});

test('a wrong key goes back by itself, and no app sees a failure', async () => {
  const { keyferry, rotate, during } = await start();
  const rotation = rotate('key-3');
  expect([...(await during(rotation))]).toEqual([200]);
  const { exitCode, stdout } = await rotation;
  expect(exitCode).toBe(2);
  expect(stdout).toMatch(
    /\d+ requests?, (\d+) refused, \1 of them accepted with the other version ✗\n/,
  );
  expect(stdout).toContain('Rolled back: The new version was refused');
  const { body } = await keyferry.call('GET', '/v1/secrets/pay_key');
  expect(body.currentVersions).toEqual({ production: 1 });
});

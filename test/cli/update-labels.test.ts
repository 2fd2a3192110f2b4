import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startKeyferry } from '../support/start-keyferry.js';
import { startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

test('of labels that several people add and take away at once, none is lost', async () => {
  const { admin, adminUrl, dataDir, secret } = await startKeyferry();
  await secret('shared_key', { production: 'value-of-shared-1' });
  await admin('PATCH', '/v1/secrets/shared_key', { labels: { old: 'yes', kept: 'yes' } });
  const environment = {
    KEYFERRY_ADMIN_URL: adminUrl,
    KEYFERRY_ADMIN_TOKEN: (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim(),
  };
  const label = (text: string) =>
    runCaptured(['secrets', 'update', 'shared_key', '--label', text], { environment });
  const runs = await Promise.all(['a=1', 'b=2', 'old=', 'c=3', 'd=4'].map(label));
  expect(runs.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(runs.map(() => [0, '']));
  const { labels } = await admin('GET', '/v1/secrets/shared_key');
  expect(labels).toEqual({ a: '1', b: '2', c: '3', d: '4', kept: 'yes' });
});

test('who is always late is told to run the command again', async () => {
  const api = await startStandIn(({ method }) =>
    method === 'GET'
      ? { headers: { etag: '"7"' }, body: { labels: {} } }
      : { status: 412, body: { code: 'precondition_failed', detail: 'It was changed.' } },
  );
  onTestFinished(() => api.close());
  const argv = ['secrets', 'update', 'shared_key', '--label', 'a=1'];
  const run = await runCaptured(argv, { environment: api.environment });
  expect(run).toEqual({
    exitCode: 2,
    stdout: '',
    stderr:
      'error: It was changed. (precondition_failed)\n' +
      'Somebody else changes it at the same time: run the command again.\n',
  });
  const sent = api.seen.filter(({ method }) => method === 'PATCH');
  expect(sent).toHaveLength(10);
  expect(new Set(sent.map(({ headers }) => headers['if-match']))).toEqual(new Set(['"7"']));
});

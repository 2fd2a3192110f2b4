import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startKeyferry } from '../support/start-keyferry.js';

test('a refused file is offered again at each change, and said to be refused only when it is for something else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-routes-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'routes.json');
  const headers = { 'X-One': '<<secret:one>>', 'X-Two': '<<secret:two>>' };
  const environments = { production: { upstream: 'https://api.example.com' } };
  const route = { name: 'a', match: { pathPrefix: '/a' }, headers, environments };
  writeFileSync(file, JSON.stringify({ routes: [route] }));
  const { admin } = await startKeyferry({ '--routes': file });
  const rejections = async (): Promise<number> =>
    (await admin<{ items: unknown[] }>('GET', '/v1/audit?action=routes.reject')).items.length;
  const addValue = (secret: string) =>
    admin('POST', `/v1/secrets/${secret}/environments/production/versions`, { value: 'v' });

  expect(await rejections()).toBe(1);
  await admin('POST', '/v1/environments', { name: 'review' });
  await admin('POST', '/v1/secrets', { name: 'other' });
  await addValue('other');
  expect(await rejections()).toBe(1);
  // The first problem stays as it is; the second is another one.
  await admin('POST', '/v1/secrets', { name: 'two' });
  expect(await rejections()).toBe(2);
  await admin('PATCH', '/v1/secrets/two', { owner: 'web' });
  expect(await rejections()).toBe(2);
  await addValue('two');
  expect(await rejections()).toBe(3);
  await admin('POST', '/v1/secrets', { name: 'one' });
  expect(await rejections()).toBe(4);
  await addValue('one');
  expect(await rejections()).toBe(4);
  expect(await admin('GET', '/v1/routes')).toMatchObject({ revision: 1, source: 'file' });
});

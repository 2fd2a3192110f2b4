import { randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { tokenService } from '../../examples/rotation-provider/token-service.js';
import { createCommandProvider } from '../../src/rotation/index.js';
import { ProviderRig } from '../support/provider-rig.js';
import { startTokenService } from '../support/stand-ins/token-service.js';
import { describeProvider } from './provider-contract.js';

describeProvider(tokenService, startTokenService, 'of the examples');

const examples = fileURLToPath(new URL('../../examples/rotation-command/', import.meta.url));

test('the command of the examples rotates a token, by the config beside it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-example-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const executable = join(folder, 'rotate.mjs');
  copyFileSync(join(examples, 'rotate.mjs'), executable);
  chmodSync(executable, 0o755);
  const service = await startTokenService();
  onTestFinished(() => service.close());
  const config = JSON.parse(readFileSync(join(examples, 'rotation.json'), 'utf8'));
  const settings = { ...config.settings, url: service.origin };
  const provider = createCommandProvider(folder);
  const rig = new ProviderRig(provider, {
    ...service,
    config: { ...config, executable, settings },
  });
  const signal = AbortSignal.timeout(30_000);
  const call = rig.call({ signal });
  expect(await provider.check(call)).toMatchObject([{ ok: true }]);
  const [plan, stepId] = [await provider.plan(call), randomUUID()];
  const minted = await rig.mint(plan, stepId, signal);
  const again = await rig.mint(plan, stepId, signal);
  expect(again.value.equals(minted.value)).toBe(true);
  await provider.verify(call, minted);
  await provider.revoke?.({ ...rig.keyCall(stepId, 'replaced', {}), signal });
  const keys = await service.keys();
  expect(keys.map(({ id, state }) => [id, state])).toEqual([
    ['first', 'gone'],
    [stepId, 'live'],
  ]);
  await provider.revoke?.({ ...rig.keyCall(stepId, 'taken_back', {}, null), signal });
  expect(await rig.becomes(minted.value, false)).toBe(true);
  service.fail('wrong_credentials', 100);
  expect(await provider.check(call)).toMatchObject([{ ok: false }]);
  expect((await rig.failureOf(rig.mint(plan, randomUUID(), signal))).failure).toBe('refused');
});

import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { configProblems, custom, textOf } from '../../src/rotation/index.js';
import { ProviderRig } from '../support/provider-rig.js';
import { startCustomStandIn } from '../support/stand-ins/custom.js';
import { answerJson, listenStandIn } from '../support/stand-ins/listen-stand-in.js';
import { describeProvider } from './provider-contract.js';

describeProvider(custom, () => startCustomStandIn('signed'), 'signed');
describeProvider(custom, () => startCustomStandIn('plain'), 'plain');

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A hook that answers what it is told to, and keeps what it was asked. */
async function hook(status: number, body: unknown, config = {}, headers = {}) {
  const seen: { headers: Record<string, string>; body: string }[] = [];
  const server = await listenStandIn((request, text, response) => {
    seen.push({ headers: request.headers as Record<string, string>, body: text });
    if (typeof body === 'string') {
      response.writeHead(status, headers).end(body);
    } else answerJson(response, status, body, headers);
  });
  onTestFinished(() => server.close());
  const standIn = {
    ...(await startCustomStandIn()),
    config: {
      url: server.origin,
      secret: 'hook_secret',
      allowPrivateNetwork: true,
      timeoutSeconds: 5,
      ...config,
    },
    providerSecrets: { hook_secret: SECRET },
  };
  onTestFinished(() => standIn.close());
  return { rig: new ProviderRig(custom, standIn), seen };
}

test('each message is one of Standard Webhooks, with an id that outlives a retry', async () => {
  const { rig, seen } = await hook(200, {});
  const stepId = randomUUID();
  const plan = await rig.plan();
  const minted = await rig.mint(plan, stepId);
  await rig.mint(plan, stepId);
  await rig.provider.revoke?.(rig.keyCall(stepId, 'replaced', { keyId: 'old-1' }));
  await rig.provider.revoke?.(rig.keyCall(stepId, 'taken_back', {}, null));
  await rig.provider.revoke?.(rig.keyCall(stepId, 'replaced', {}, 1));
  for (const { headers, body } of seen) new Webhook(SECRET).verify(body, headers);
  expect(seen.map(({ headers }) => headers['webhook-id'])).toEqual([
    `${stepId}_create`,
    `${stepId}_create`,
    `${stepId}_revoke`,
    `${stepId}_rollback`,
    `${stepId}_revoke`,
  ]);
  expect(seen[1]?.body).toBe(seen[0]?.body);
  const common = { secret: 'key', environment: 'production' };
  const proposedValue = textOf(minted.value);
  expect(proposedValue).toMatch(/^[A-Za-z0-9]{48}$/);
  expect(seen.map(({ body }) => JSON.parse(body))).toEqual([
    { action: 'create', ...common, keyId: stepId, proposedValue },
    { action: 'create', ...common, keyId: stepId, proposedValue },
    { action: 'revoke', ...common, keyId: 'old-1', version: 1 },
    { action: 'rollback', ...common, keyId: stepId, version: null },
    { action: 'revoke', ...common, keyId: null, version: 1 },
  ]);
  expect(minted.keyId).toBe(stepId);
});

test('a hook may answer another value than the one that is proposed', async () => {
  const standIn = await startCustomStandIn('signed', { answersOwnValue: true });
  onTestFinished(() => standIn.close());
  const rig = new ProviderRig(custom, standIn);
  const [plan, stepId] = [await rig.plan(), randomUUID()];
  const minted = await rig.mint(plan, stepId);
  expect(minted.value.equals(plan.material ?? minted.value)).toBe(false);
  expect(await rig.becomes(minted.value, true)).toBe(true);
  expect((await rig.mint(plan, stepId)).value.equals(minted.value)).toBe(true);
});

test('a plain hook is sent what it knows, and the value in use only where the config says so', async () => {
  const answer = { newValue: 'canary-new', expiresAt: '2999-01-01T00:00:00Z', metadata: { id: 7 } };
  for (const sendCurrentValue of [false, true]) {
    const { rig, seen } = await hook(200, answer, { mode: 'plain', sendCurrentValue });
    rig.current = SecretValue.fromText('canary-current');
    const minted = await rig.mint(await rig.plan(), randomUUID());
    expect(textOf(minted.value)).toBe('canary-new');
    expect(minted).toMatchObject({ expiresAtMs: Date.UTC(2999, 0, 1) });
    expect(minted.keyId).toBeUndefined();
    const [{ headers, body } = { headers: {}, body: '' }] = seen;
    expect(headers).toMatchObject({
      'x-webhook-secret': SECRET,
      'content-type': 'application/json',
    });
    const { timestamp, ...sent } = JSON.parse(body) as Record<string, string>;
    expect(Math.abs(Date.now() - Date.parse(timestamp ?? ''))).toBeLessThan(60_000);
    const current = sendCurrentValue ? { currentValue: 'canary-current' } : {};
    expect(sent).toEqual({ action: 'rotate', ...current });
  }
});

test('a value of several fields is taken where it has just these', async () => {
  const fields = ['user', 'password'];
  const good = await hook(200, { newValue: { user: 'a', password: 'b' } }, { fields });
  const minted = await good.rig.mint(await good.rig.plan(), randomUUID());
  expect(textOf(minted.value)).toBe('{"password":"b","user":"a"}');
  expect(minted.fields).toEqual(fields);
  for (const newValue of [
    'text',
    { user: 'a' },
    { user: 'a', password: '' },
    { user: 'a', password: 1 },
    { user: 'a', password: 'b', more: 'c' },
    ['a', 'b'],
  ]) {
    const bad = await hook(200, { newValue }, { fields });
    const failed = await bad.rig.failureOf(bad.rig.mint(await bad.rig.plan(), randomUUID()));
    expect(failed).toMatchObject({ failure: 'unknown' });
    expect(failed.message).toContain('"newValue"');
  }
});

test.each([
  ['no JSON', 'canary-text', /JSON object/],
  ['a list', [{ newValue: 'canary' }], /JSON object/],
  ['no text', { newValue: 12345 }, /"newValue"/],
  ['an empty text', { newValue: '' }, /"newValue"/],
  ['half a character', { newValue: 'canary\ud800' }, /"newValue"/],
  ['too much', { newValue: 'canary'.repeat(20_000) }, /65536/],
  ['a time that is past', { newValue: 'canary', expiresAt: '2020-01-01T00:00:00Z' }, /"expiresAt"/],
  ['no time', { newValue: 'canary', expiresAt: 'canary-time' }, /"expiresAt"/],
  ['metadata that is a text', { newValue: 'canary', metadata: 'canary' }, /"metadata"/],
  ['an id that is none', { newValue: 'canary', metadata: { keyId: 'can ary' } }, /keyId/],
  ['the value in use', { newValue: 'canary-in-use' }, /another/],
])('an answer with %s is refused in words of ours', async (_what, body, expected) => {
  const { rig } = await hook(200, body);
  rig.current = SecretValue.fromText('canary-in-use');
  const failed = await rig.failureOf(rig.mint(await rig.plan(), randomUUID()));
  expect(failed.failure).toBe('unknown');
  expect(failed.message).toMatch(expected);
  expect(failed.message + failed.whatToDo).not.toContain('canary');
});

test.each([
  [301, {}, 'refused', undefined],
  [303, {}, 'unknown', undefined],
  [307, { location: 'http://127.0.0.1:1/' }, 'refused', undefined],
  [400, {}, 'refused', undefined],
  [401, {}, 'refused', undefined],
  [408, {}, 'unknown', undefined],
  [429, { 'retry-after': '7' }, 'throttled', 7000],
  [429, { 'retry-after': 'canary' }, 'throttled', undefined],
  [500, {}, 'unknown', undefined],
  [503, { 'retry-after': '999999999' }, 'unknown', 86_400_000],
] as const)('an answer of %i with %o is %s', async (status, headers, failure, retryAfterMs) => {
  const { rig, seen } = await hook(status, 'canary-text', {}, headers);
  const failed = await rig.failureOf(rig.mint(await rig.plan(), randomUUID()));
  expect(failed.failure).toBe(failure);
  expect(failed.retryAfterMs).toBe(retryAfterMs);
  expect(failed.message + failed.whatToDo).not.toContain('canary');
  expect(seen).toHaveLength(1);
});

test('a signing secret that is none is told before anything is sent', async () => {
  const { rig, seen } = await hook(200, {});
  for (const secret of [
    'canary',
    'whsec_',
    'whsec_c2hvcnQ=',
    `whsec_${'A'.repeat(200)}`,
    'whsec_*',
  ]) {
    rig.credentials.set('secret', SecretValue.fromText(secret));
    const failed = await rig.failureOf(rig.mint(await rig.plan(), randomUUID()));
    expect(failed.failure).toBe('refused');
    expect((await rig.provider.check(rig.call()))[0]).toMatchObject({ ok: false });
  }
  expect(seen).toEqual([]);
});

test('a hook that knows neither "check" nor "verify" is as good', async () => {
  const { rig } = await hook(400, {});
  expect((await rig.provider.check(rig.call()))[0]).toMatchObject({ ok: true });
  await rig.provider.verify(rig.call(), { value: SecretValue.fromText('a') });
});

test.each([
  ['http://hooks.example.com', /http: is sent to loopback alone/],
  ['https://user:word@hooks.example.com', /user name/],
  ['https://hooks.example.com/#part', /#/],
  ['hooks.example.com', /https:/],
  ['ftp://hooks.example.com', /https:/],
])('the url %s is refused', (url, expected) => {
  const [problem] = configProblems(custom.config, { url, secret: 'a' });
  expect(problem).toMatchObject({ path: 'url', message: expect.stringMatching(expected) });
});

test('a signed hook is another account for each secret, a plain one the same', async () => {
  const { rig } = await hook(200, {});
  const call = rig.call();
  const other = { ...call, secret: 'other' };
  expect(await rig.provider.principal(call)).not.toBe(await rig.provider.principal(other));
  const plain = { ...call, config: { ...call.config, mode: 'plain' as const } };
  expect(await rig.provider.principal(plain)).toBe(
    await rig.provider.principal({ ...plain, secret: 'other' }),
  );
});

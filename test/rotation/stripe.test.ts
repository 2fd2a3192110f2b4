import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { stripe } from '../../src/rotation/index.js';
import { ProviderRig } from '../support/provider-rig.js';
import { type StripeOptions, startStripeStandIn } from '../support/stand-ins/stripe.js';
import { describeProvider } from './provider-contract.js';

describeProvider(stripe, () => startStripeStandIn({ mode: 'assisted' }), 'by a person');
describeProvider(stripe, () => startStripeStandIn({ mode: 'api' }), 'by its API');

async function start(options: StripeOptions) {
  const standIn = await startStripeStandIn(options);
  onTestFinished(() => standIn.close());
  return { standIn, rig: new ProviderRig(stripe, standIn) };
}

describe('keys made by the API of Stripe', () => {
  it.each<StripeOptions>([
    { live: true, algorithm: 'RSA-OAEP' },
    { live: true, algorithm: 'RSA-OAEP-256' },
    { live: false },
  ])('are read as they come: %j', async (options) => {
    const { rig } = await start({ mode: 'api', ...options });
    const minted = await rig.mint(await rig.plan(), randomUUID());
    await rig.verify(minted);
    expect(await rig.leaks()).toEqual([]);
  });

  it('are expired where their value is not given a second time', async () => {
    const { rig, standIn } = await start({ mode: 'api', repeatsValue: false });
    const plan = await rig.plan();
    const stepId = randomUUID();
    standIn.fail('lost_answer');
    const lost = await rig.failureOf(rig.mint(plan, stepId, AbortSignal.timeout(300)));
    expect(lost.failure).toBe('unknown');
    expect(await rig.keysOf('keyferry', 'live')).toHaveLength(1);
    const failed = await rig.failureOf(rig.mint(plan, stepId));
    expect(failed.failure).toBe('refused');
    expect(await rig.keysOf('keyferry', 'live')).toEqual([]);
    expect(await rig.leaks()).toEqual([]);
  });
});

describe('a pasted key of Stripe', () => {
  it.each([
    ['a test key', { isTest: true }],
    ['of another account', { account: 'acct_1Another' }],
  ])('is refused where it is %s', async (_what, key) => {
    const { rig, standIn } = await start({ mode: 'assisted' });
    const value = SecretValue.fromText(standIn.addKey(key));
    rig.know(value);
    const failed = await rig.failureOf(stripe.verify(rig.call(), { value }));
    expect(failed.failure).toBe('refused');
    expect(await rig.leaks()).toEqual([]);
  });

  it('is asked for in words that name the hours', () => {
    const config = stripe.config.parse({ oldKeyExpiresInHours: 100 });
    expect(stripe.instructions?.(config)).toContain('100 hours');
  });
});

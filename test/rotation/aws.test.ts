import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Outbound } from '../../src/core/index.js';
import { aws } from '../../src/rotation/index.js';
import { ProviderRig } from '../support/provider-rig.js';
import {
  type AwsOptions,
  type AwsPolicy,
  documentedPolicies,
  startAwsStandIn,
} from '../support/stand-ins/aws.js';
import { describeProvider } from './provider-contract.js';

type AwsConfig = Parameters<typeof aws.fields>[0];

describeProvider(aws, () => startAwsStandIn({ mode: 'operator' }), 'by an operator');
describeProvider(aws, () => startAwsStandIn({ mode: 'self' }), 'by the key in use');

const ACTIONS = documentedPolicies().self.Statement.flatMap(({ Action }) => Action);

/** The documented policy of a user that rotates itself, without one action. */
function policyWithout(left: string): AwsPolicy {
  const { Statement } = documentedPolicies().self;
  return {
    Statement: Statement.map((statement) => ({
      ...statement,
      Action: [statement.Action].flat().filter((action) => action !== left),
    })),
  };
}

async function start(options: AwsOptions = {}, changes: Partial<AwsConfig> = {}) {
  const standIn = await startAwsStandIn(options);
  onTestFinished(() => standIn.close());
  const config = { ...standIn.config, ...changes };
  return { standIn, rig: new ProviderRig(aws, { ...standIn, config }) };
}

async function checked(rig: ProviderRig<AwsConfig>): Promise<string> {
  const findings = await aws.check(rig.call());
  return findings.flatMap(({ ok, detail }) => (ok ? [] : [detail])).join('\n');
}

describe('the policies of docs/providers/aws.md', () => {
  it.each(ACTIONS.filter((action) => action !== 'iam:SimulatePrincipalPolicy'))(
    'need %s, and a check says so without it',
    async (action) => {
      const { rig } = await start({ mode: 'self', policy: policyWithout(action) });
      expect(await checked(rig)).toContain(action);
    },
  );

  it('do without the simulator, which is then no fault', async () => {
    const policy = policyWithout('iam:SimulatePrincipalPolicy');
    const { rig } = await start({ mode: 'self', policy });
    expect(await checked(rig)).toBe('');
  });

  it('name the action that is refused', async () => {
    const policy = policyWithout('iam:CreateAccessKey');
    const { rig } = await start({ mode: 'self', policy });
    const failed = await rig.failureOf(rig.mint(await rig.plan(), 'step'));
    expect(failed).toMatchObject({ failure: 'refused' });
    expect(failed.whatToDo).toContain('iam:CreateAccessKey');
  });
});

describe('access keys of AWS', () => {
  it('are not made beside one that is not known', async () => {
    const { rig, standIn } = await start();
    const foreign = await standIn.addForeignKey?.();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const failed = await rig.failureOf(rig.plan());
    expect(failed.failure).toBe('refused');
    expect(failed.message).toContain(foreign);
    expect(await checked(rig)).toContain(foreign);
  });

  it('are those of the user that the config names', async () => {
    const { rig } = await start({}, { userName: 'another' });
    expect(await checked(rig)).toContain('not of another');
  });

  it('never end themselves', async () => {
    const { rig, standIn } = await start({ mode: 'self' });
    const { oldKeyId } = await rig.plan();
    const call = rig.keyCall('step', 'replaced', { keyId: oldKeyId });
    for (const end of [aws.disable, aws.revoke]) {
      expect((await rig.failureOf(end?.(call) ?? Promise.resolve())).failure).toBe('refused');
    }
    expect(await standIn.keys()).toMatchObject([{ id: oldKeyId, state: 'live' }]);
  });

  it('that are gone cannot be enabled, which is no success', async () => {
    const { rig } = await start();
    const call = rig.keyCall('step', 'replaced', { keyId: 'AKIAGONE' });
    await aws.disable?.(call);
    await aws.revoke?.(call);
    expect((await rig.failureOf(aws.enable?.(call) ?? Promise.resolve())).failure).toBe('refused');
  });

  it('are asked for once, whatever comes of it', async () => {
    for (const fault of ['unavailable', 'throttled', 'lost_answer'] as const) {
      const { rig, standIn } = await start();
      const plan = await rig.plan();
      standIn.fail(fault);
      await rig.failureOf(rig.mint(plan, 'step', AbortSignal.timeout(500)));
      expect([fault, standIn.asked]).toEqual([fault, ['ListAccessKeys', 'CreateAccessKey']]);
    }
  });

  it('are not asked for at a private address that the config does not allow', async () => {
    const { rig, standIn } = await start({}, { allowPrivateNetwork: false });
    const failed = await rig.failureOf(rig.plan());
    expect(failed.failure).toBe('refused');
    expect(failed.whatToDo).toContain('allowPrivateNetwork');
    expect(standIn.asked).toEqual([]);
  });

  it.each([
    [
      'eu-west-1',
      'https://iam.amazonaws.com/',
      'us-east-1',
      'https://sts.eu-west-1.amazonaws.com/',
    ],
    [
      'cn-northwest-1',
      'https://iam.cn-north-1.amazonaws.com.cn/',
      'cn-north-1',
      'https://sts.cn-northwest-1.amazonaws.com.cn/',
    ],
    [
      'us-gov-east-1',
      'https://iam.us-gov.amazonaws.com/',
      'us-gov-west-1',
      'https://sts.us-gov-east-1.amazonaws.com/',
    ],
  ])('of region %s are asked for at %s', async (region, iam, home, sts) => {
    // What is in the environment is not used.
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { standIn } = await start();
    const { iamEndpoint: _iam, stsEndpoint: _sts, ...config } = standIn.config;
    const rig = new ProviderRig(aws, { ...standIn, config: { ...config, region } });
    const sent: (readonly [url: string, scope: string | undefined])[] = [];
    const send: Outbound['send'] = async ({ url, headers }) => {
      sent.push([url, /\d{8}\/([\w-]+\/\w+)\//.exec(headers?.authorization ?? '')?.[1]]);
      return { status: 403, headers: {}, body: new Uint8Array() };
    };
    const call = rig.call({ outbound: { send } });
    await rig.failureOf(aws.plan(call));
    await rig.failureOf(aws.principal(call));
    expect(sent).toEqual([
      [iam, `${home}/iam`],
      [sts, `${region}/sts`],
    ]);
  });
});

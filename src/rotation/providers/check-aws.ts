import type { CheckFinding } from '../../core/index.js';
import { type ProviderCall, ProviderError } from '../provider.js';
import { askIam } from './ask-aws.js';
import type { AwsConfig } from './aws-config.js';
import { type AwsIdentity, currentPair, identify, planKey, signerOf } from './aws-user.js';

type Call = ProviderCall<AwsConfig>;

const ACTIONS = [
  'ListAccessKeys',
  'CreateAccessKey',
  'UpdateAccessKey',
  'DeleteAccessKey',
  'GetAccessKeyLastUsed',
].map((action) => `iam:${action}`);

/** Who signs, whose key is in use, whether one is free, and, by the policy simulator, what may be done. */
export async function checkAws(call: Call): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  try {
    for await (const finding of check(call)) findings.push(finding);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const what = STEPS[findings.length] ?? STEPS[0];
    findings.push({ ok: false, what, detail: `${error.message} ${error.whatToDo}` });
  }
  return findings;
}

const STEPS = [
  'sign in',
  'look whose key is in use',
  'list access keys',
  'ask what is allowed',
] as const;

async function* check(call: Call): AsyncGenerator<CheckFinding> {
  const signer = await identify(signerOf(call));
  yield { ok: true, what: STEPS[0], detail: `Signed in as ${signer.arn}.` };
  const pair = currentPair(call);
  const { userName = signer.user } = call.config;
  const user =
    pair === undefined ? undefined : await identify({ call, pair, whose: 'the key in use' });
  const isOfUser =
    user === undefined || (user.account === signer.account && user.user === userName);
  yield { ok: isOfUser, what: STEPS[1], detail: whoseKey(user, userName, isOfUser) };
  const { keyIds = [] } = await planKey(call);
  yield { ok: true, what: STEPS[2], detail: `${keyIds.length} of 2: one is free for the new key.` };
  const target = user?.arn ?? signer.arn.replace(/user\/.*$/, `user/${userName}`);
  yield await simulate(call, signer, target);
}

function whoseKey(user: AwsIdentity | undefined, userName: string, isOfUser: boolean): string {
  if (user === undefined) return 'There is no key yet: the first run makes it.';
  if (isOfUser) return `It is of ${user.arn}.`;
  return `It is of ${user.arn}, not of ${userName}. Check "userName" in the config, and the current version of the secret.`;
}

/** Nothing is tried out for it: the simulator tells what the policies of the user say. */
async function simulate(call: Call, signer: AwsIdentity, target: string): Promise<CheckFinding> {
  const what = STEPS[3];
  try {
    const { EvaluationResults = [] } = await askIam(
      signerOf(call),
      'SimulatePrincipalPolicy',
      (iam) =>
        iam.simulatePrincipalPolicy({
          PolicySourceArn: signer.arn,
          ActionNames: [...ACTIONS],
          ResourceArns: [target],
        }),
    );
    const allowed = EvaluationResults.filter(({ EvalDecision }) => EvalDecision === 'allowed');
    const missing = ACTIONS.filter(
      (action) => !allowed.some(({ EvalActionName }) => EvalActionName === action),
    );
    if (missing.length === 0) return { ok: true, what, detail: `All of it, on ${target}.` };
    const detail = `Not allowed on ${target}: ${missing.join(', ')}. Give ${signer.arn} the policy of docs/providers/aws.md.`;
    return { ok: false, what, detail };
  } catch (error) {
    if (!(error instanceof ProviderError) || error.failure !== 'refused') throw error;
    const detail = `Not known, which is no fault: ${error.message} Without it the first rotation shows whether keys may be made.`;
    return { ok: true, what, detail };
  }
}

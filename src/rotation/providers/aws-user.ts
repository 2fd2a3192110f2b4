import { PROVIDERS_ENVIRONMENT, type SecretValue } from '../../core/index.js';
import { type MintingPlan, type ProviderCall, ProviderError } from '../provider.js';
import { fieldsOf } from '../secret-text.js';
import { type AwsAsking, type AwsKeyPair, askIam, askSts } from './ask-aws.js';
import type { AwsConfig } from './aws-config.js';

type Call = ProviderCall<AwsConfig>;

/** IAM takes the user of the key that signs where none is named. */
export function userOf({ config: { userName } }: Call): { UserName?: string } {
  return userName === undefined ? {} : { UserName: userName };
}

export async function listKeys(call: Call): Promise<readonly string[]> {
  const { AccessKeyMetadata = [] } = await askIam(signerOf(call), 'ListAccessKeys', (iam) =>
    iam.listAccessKeys(userOf(call)),
  );
  return AccessKeyMetadata.flatMap(({ AccessKeyId }) => AccessKeyId ?? []);
}

export interface AwsIdentity {
  readonly arn: string;
  readonly account: string;
  /** Its name, without its path. */
  readonly user: string;
}

/** Throws `refused` for whoever is no IAM user. */
export async function identify(asking: AwsAsking): Promise<AwsIdentity> {
  const { Arn: arn = '', Account: account = '' } = await askSts(
    asking,
    'GetCallerIdentity',
    (sts) => sts.getCallerIdentity({}),
  );
  const user = /^arn:[\w-]+:iam::\d+:user\/(?:[!-~]*\/)?([\w+=,.@-]+)$/.exec(arn)?.[1];
  if (user !== undefined) return { arn, account, user };
  throw new ProviderError('refused', `AWS says that ${asking.whose} is of no IAM user.`, {
    whatToDo: 'Use the key of an IAM user: never that of the root user or of a role.',
  });
}

/** Who signs: the operator, or the key in use. */
export function signerOf(call: Call): AwsAsking {
  if (call.config.mode === 'self') {
    const pair = currentPair(call);
    if (pair !== undefined) return { call, pair, whose: 'the key in use' };
    throw new ProviderError('refused', 'There is no key in use that could make the next one.', {
      whatToDo: 'Add the first key as a version, with its fields accessKeyId and secretAccessKey.',
    });
  }
  const value = call.credentials.get('operator');
  const pair = value === undefined ? undefined : pairOf(value);
  if (pair !== undefined) return { call, pair, whose: "the operator's key" };
  throw new ProviderError('refused', 'The secret that "operator" names holds no key.', {
    whatToDo: `Add a version of it in environment ${PROVIDERS_ENVIRONMENT}, with the fields accessKeyId and secretAccessKey.`,
  });
}

/** Throws `refused` for a value that is no key; undefined where there is none yet. */
export function currentPair({ current }: Call): AwsKeyPair | undefined {
  if (current === undefined) return undefined;
  const pair = pairOf(current);
  if (pair === undefined) throw noKeyPair('The value in use');
  return pair;
}

export function pairOf(value: SecretValue): AwsKeyPair | undefined {
  const { accessKeyId, secretAccessKey } = fieldsOf(value) ?? {};
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey };
}

export function noKeyPair(what: string): ProviderError {
  return new ProviderError('refused', `${what} is no access key of AWS.`, {
    whatToDo: 'It must have the fields accessKeyId and secretAccessKey.',
  });
}

/** A user has two keys at most: one that is not the one in use stands in the way of the new one. */
export async function planKey(call: Call): Promise<MintingPlan> {
  const keyIds = await listKeys(call);
  const oldKeyId = currentPair(call)?.accessKeyId;
  const others = keyIds.filter((id) => id !== oldKeyId);
  if (others.length > 0) {
    throw new ProviderError(
      'refused',
      `The user has another access key (${others.join(', ')}) that is not the one in use here.`,
      {
        whatToDo:
          'AWS allows two, and one must be free: delete it in IAM if nobody uses it; if it is the one in use, make it the current version.',
      },
    );
  }
  if (oldKeyId === undefined) return { keyIds };
  if (keyIds.length > 0) return { keyIds, oldKeyId };
  throw new ProviderError('refused', `The key in use (${oldKeyId}) is none of this user's.`, {
    whatToDo: 'Check "userName" in the config, and the current version of the secret.',
  });
}

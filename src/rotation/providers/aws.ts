import { setTimeout as sleep } from 'node:timers/promises';
import { type KeyCall, type Provider, ProviderError } from '../provider.js';
import { valueOfFields } from '../secret-text.js';
import { askIam, awsErrorOf } from './ask-aws.js';
import { AWS_FIELDS, type AwsConfig, awsConfig } from './aws-config.js';
import { identify, listKeys, noKeyPair, pairOf, planKey, signerOf, userOf } from './aws-user.js';
import { checkAws } from './check-aws.js';

/** Access keys of IAM users. A user can have two: one is free while no rotation is under way. */
export const aws: Provider<AwsConfig> = {
  id: 'aws',
  title: 'AWS IAM',
  summary: 'Access keys of an IAM user, made and deleted by an operator or by the key in use.',
  config: awsConfig,
  fields: () => AWS_FIELDS,
  recovery: () => 'list',

  credentialsOf: ({ operator }) => (operator === undefined ? {} : { operator }),

  async principal(call) {
    const { account, user } = await identify(signerOf(call));
    return `${account}/${call.config.userName ?? user}`;
  },

  check: checkAws,

  plan: planKey,

  async mint(call) {
    const { AccessKey } = await askIam(
      { ...signerOf(call), makes: true },
      'CreateAccessKey',
      (iam) => iam.createAccessKey(userOf(call)),
    );
    const { AccessKeyId: keyId, SecretAccessKey: secretAccessKey } = AccessKey ?? {};
    if (keyId === undefined || secretAccessKey === undefined) {
      throw new ProviderError('unknown', 'IAM answered to CreateAccessKey without a key.', {
        whatToDo: 'Look in IAM which keys the user has.',
      });
    }
    const value = valueOfFields({ accessKeyId: keyId, secretAccessKey });
    return { value, fields: AWS_FIELDS, keyId };
  },

  async listKeyIds(call) {
    await sleep(call.config.consistencySeconds * 1000, undefined, { signal: call.signal }).catch(
      () => undefined,
    );
    return listKeys(call);
  },

  async verify(call, { value }) {
    const pair = pairOf(value);
    if (pair === undefined) throw noKeyPair('The new value');
    const own = await identify({ call, pair, whose: 'the new key' });
    const signer = await identify(signerOf(call)).catch((error: unknown) => {
      throw error instanceof ProviderError && error.failure === 'refused'
        ? unavailable(error)
        : error;
    });
    const user = call.config.userName ?? signer.user;
    if (own.account === signer.account && own.user === user) return;
    throw new ProviderError('refused', `The new key is of another user than ${user}.`, {
      whatToDo: 'Look in IAM whose key it is, and delete it.',
    });
  },

  async lastUsedAtMs(call) {
    const { AccessKeyLastUsed } = await askIam(signerOf(call), 'GetAccessKeyLastUsed', (iam) =>
      iam.getAccessKeyLastUsed({ AccessKeyId: keyIdOf(call) }),
    );
    return AccessKeyLastUsed?.LastUsedDate?.getTime();
  },

  disable: (call) => changeKey(call, 'Inactive'),
  enable: (call) => changeKey(call, 'Active'),

  async revoke(call) {
    const AccessKeyId = keyToEnd(call);
    await unlessGone(
      askIam(signerOf(call), 'DeleteAccessKey', (iam) =>
        iam.deleteAccessKey({ ...userOf(call), AccessKeyId }),
      ),
    );
  },
};

async function changeKey(call: KeyCall<AwsConfig>, Status: 'Active' | 'Inactive'): Promise<void> {
  const AccessKeyId = Status === 'Inactive' ? keyToEnd(call) : keyIdOf(call);
  const changed = askIam(signerOf(call), 'UpdateAccessKey', (iam) =>
    iam.updateAccessKey({ ...userOf(call), AccessKeyId, Status }),
  );
  // One that is gone cannot be used again: that is no success.
  await (Status === 'Inactive' ? unlessGone(changed) : changed);
}

async function unlessGone(done: Promise<unknown>): Promise<void> {
  await done.catch((error: unknown) => {
    if (awsErrorOf(error).code !== 'NoSuchEntity') throw error;
  });
}

function keyIdOf({ keyId, value }: KeyCall<AwsConfig>): string {
  const found = keyId ?? (value === undefined ? undefined : pairOf(value)?.accessKeyId);
  if (found !== undefined) return found;
  throw new ProviderError('refused', 'It is not known which access key is meant.', {
    whatToDo: 'Look in IAM which keys the user has.',
  });
}

/** Whoever signs never ends itself: nobody could take it back. */
function keyToEnd(call: KeyCall<AwsConfig>): string {
  const keyId = keyIdOf(call);
  if (keyId !== signerOf(call).pair.accessKeyId) return keyId;
  throw new ProviderError(
    'refused',
    `Access key ${keyId} is the one that would sign for its end.`,
    {
      whatToDo: 'Make another version current first.',
    },
  );
}

function unavailable(error: ProviderError): ProviderError {
  const { message, whatToDo } = error;
  return new ProviderError('unavailable', message, { whatToDo, cause: error });
}

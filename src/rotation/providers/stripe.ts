import { type CheckFinding, SecretValue } from '../../core/index.js';
import { credentialOf } from '../credential-of.js';
import {
  type KeyCall,
  type MintCall,
  type Minted,
  type Provider,
  type ProviderCall,
  ProviderError,
} from '../provider.js';
import { textOf } from '../secret-text.js';
import { askStripe, type StripeAsking } from './ask-stripe.js';
import { hostsOf } from './endpoint-fields.js';
import { makeAnswerKey, openStripeSecret, publicPartOf } from './open-stripe-secret.js';
import { STRIPE_API, type StripeConfig, stripeConfig } from './stripe-config.js';

type Call = ProviderCall<StripeConfig>;

const KEYS = '/v2/iam/api_keys';
const LIVE_OR_TEST = /^[sr]k_(live|test)_\w+$/;
const KEY_ID = /^\w{1,100}$/;

/**
 * Ordinary keys of Stripe cannot make keys: a person rolls them, and the run goes on with what is pasted. Accounts that
 * have the API for keys get restricted ones by it. Keys are expired, and never rotated by Stripe itself: that ends the
 * old one at once.
 */
export const stripe: Provider<StripeConfig> = {
  id: 'stripe',
  title: 'Stripe',
  summary: 'API keys of Stripe: rolled by a person, or made by the API for restricted keys.',
  config: stripeConfig,
  fields: () => [],
  sentTo({ endpoint = STRIPE_API }) {
    const hosts = hostsOf([endpoint]);
    return { credentials: hosts, value: hosts };
  },
  recovery: ({ mode }) => (mode === 'api' ? 'replay' : 'assisted'),
  credentialsOf: ({ operator }) => (operator === undefined ? {} : { operator }),

  instructions: ({ oldKeyExpiresInHours: hours }) =>
    `In the Stripe dashboard open Developers, API keys. In the menu beside the key choose "Rotate key", as its expiration ${hours} hours or the next longer time (never "Now"), then "Rotate API key". Copy the new key and give it to Keyferry within that time.`,

  /** Keys are made beside each other, as many as one likes. */
  async principal({ environment, secret, config: { account } }) {
    return `${account ?? 'stripe'} ${environment}/${secret}`;
  },

  async check(call) {
    const { config, current } = call;
    const findings: CheckFinding[] = [];
    if (config.mode === 'api') {
      const list = () => askStripe(operatorOf(call), { method: 'GET', path: `${KEYS}?limit=1` });
      findings.push(await tried('list API keys', list, () => 'The API for keys is there.'));
    }
    if (current === undefined) {
      const detail = 'There is no key yet: the first run asks for it.';
      return [...findings, { ok: true, what: 'use the key in use', detail }];
    }
    const look = async () =>
      accountOf(call, readKey(current, 'The value in use'), 'the key in use');
    const told = (account: string | undefined): string =>
      account === undefined ? 'It is accepted.' : `It is accepted, and of ${account}.`;
    return [...findings, await tried('use the key in use', look, told)];
  },

  async plan(call) {
    if (call.config.mode === 'assisted') return {};
    credentialOf(call, 'operator');
    return { material: await makeAnswerKey() };
  },

  async mint(call) {
    if (call.config.mode === 'api') return mintByApi(call);
    throw new ProviderError('refused', 'Ordinary keys of Stripe can make no keys.', {
      whatToDo: stripe.instructions?.(call.config) ?? '',
    });
  },

  async verify(call, { value }) {
    const key = readKey(value, 'The new value');
    const account = await accountOf(call, key, 'the new key');
    const { current } = call;
    if (current === undefined || !LIVE_OR_TEST.test(textOf(current))) return;
    const old = textOf(current);
    if (modeOf(old) !== modeOf(key)) {
      throw otherKey(`a ${modeOf(key)} key, and the one in use a ${modeOf(old)} key`);
    }
    // The old one may have come to its end: then nothing is compared.
    const oldAccount = await accountOf(call, old, 'the key in use').catch(() => undefined);
    if (account !== undefined && oldAccount !== undefined && account !== oldAccount) {
      throw otherKey(`of ${account}, and the one in use of ${oldAccount}`);
    }
  },

  async revoke(call) {
    if (call.config.mode === 'api' && call.keyId !== null) return expire(call, call.keyId);
    await requireEnded(call);
  },
};

async function mintByApi(call: MintCall<StripeConfig>): Promise<Minted> {
  const { config, material, stepId, environment, secret } = call;
  if (material === undefined) throw noAnswerKey();
  const answer = await askStripe(
    { ...operatorOf(call), makes: true },
    {
      method: 'POST',
      path: KEYS,
      idempotencyKey: stepId,
      body: {
        type: 'secret_key',
        name: `keyferry ${environment}/${secret}`.slice(0, 100),
        note: `Made by Keyferry: ${stepId}`,
        permissions: config.permissions,
        ...(config.connectPermissions && { connect_permissions: config.connectPermissions }),
        public_key: { pem_key: { algorithm: 'rsa', data: publicPartOf(material) } },
      },
    },
  );
  const { id, secret_key: found } = answer;
  if (typeof id !== 'string' || !KEY_ID.test(id)) {
    throw new ProviderError('unknown', 'Stripe made a key and did not say which.', {
      whatToDo: 'Look in the dashboard for a key whose name begins with "keyferry", and delete it.',
    });
  }
  const key = openStripeSecret(found, material);
  if (key !== undefined && LIVE_OR_TEST.test(key)) {
    return { value: SecretValue.fromText(key), keyId: id };
  }
  await expire(call, id);
  throw new ProviderError('refused', `Stripe gave no value for key ${id} that can be read.`, {
    whatToDo:
      'It was expired again. Start the rotation once more; "apiVersion" may be another one.',
  });
}

async function expire(call: Call, keyId: string): Promise<void> {
  const path = `${KEYS}/${encodeURIComponent(keyId)}`;
  const asking = operatorOf(call);
  try {
    await askStripe(asking, { method: 'POST', path: `${path}/expire` });
  } catch (error) {
    if (!(error instanceof ProviderError) || error.failure !== 'refused') throw error;
    const state = await stateOf(asking, path);
    if (state !== 'gone') throw error;
  }
}

/** An expired key may be refused to be expired again, or not be found. */
async function stateOf(asking: StripeAsking, path: string): Promise<'live' | 'gone'> {
  try {
    const { status } = await askStripe(asking, { method: 'GET', path });
    return status === 'expired' ? 'gone' : 'live';
  } catch (error) {
    if (error instanceof ProviderError && statusOf(error) === 404) return 'gone';
    throw error;
  }
}

/** Whether a person has ended it, or its time was over: it is asked for until it is. */
async function requireEnded(call: KeyCall<StripeConfig>): Promise<void> {
  const { value, because, config } = call;
  if (value === undefined) return;
  const isOld = because === 'replaced';
  const what = isOld ? 'the old key' : 'the new key';
  try {
    await accountOf(call, textOf(value), what);
  } catch (error) {
    if (error instanceof ProviderError && statusOf(error) === 401) return;
    throw error;
  }
  const until =
    isOld && config.mode === 'assisted'
      ? `It ends ${config.oldKeyExpiresInHours} hours after it was rolled, if that was chosen. To end it sooner`
      : 'Keyferry did not make it by the API, so a person ends it';
  throw new ProviderError('unavailable', `Stripe still accepts ${what}.`, {
    whatToDo: `${until}: Stripe dashboard, Developers, API keys, the menu beside it, "Expire key". The run ends once it is not accepted any more.`,
  });
}

/** Undefined where the key may not ask for it: it is accepted, and that is enough. */
async function accountOf(call: Call, key: string, whose: string): Promise<string | undefined> {
  try {
    const { id } = await askStripe({ call, key, whose }, { method: 'GET', path: '/v1/account' });
    return typeof id === 'string' && /^acct_\w{1,60}$/.test(id) ? id : undefined;
  } catch (error) {
    if (error instanceof ProviderError && statusOf(error) === 403) return undefined;
    throw error;
  }
}

function statusOf({ cause }: ProviderError): number | undefined {
  return (cause as { readonly statusCode?: number } | undefined)?.statusCode;
}

function operatorOf(call: Call): StripeAsking {
  return { call, key: credentialOf(call, 'operator'), whose: "the operator's key" };
}

/** Throws `refused` for what is no secret or restricted key. */
function readKey(value: SecretValue, what: string): string {
  const key = textOf(value);
  if (LIVE_OR_TEST.test(key)) return key;
  throw new ProviderError('refused', `${what} is no secret or restricted key of Stripe.`, {
    whatToDo: 'It begins with sk_live_, rk_live_, sk_test_ or rk_test_. A key of pk_ is no secret.',
  });
}

function modeOf(key: string): string {
  return LIVE_OR_TEST.exec(key)?.[1] ?? 'other';
}

function otherKey(difference: string): ProviderError {
  return new ProviderError('refused', `The new key is ${difference}.`, {
    whatToDo: 'Give the key that the one in use was rolled to.',
  });
}

function noAnswerKey(): ProviderError {
  return new ProviderError('refused', 'What the answer was to be encrypted for is gone.', {
    whatToDo: 'Start the rotation once more.',
  });
}

async function tried<Result>(
  what: string,
  work: () => Promise<Result>,
  told: (result: Result) => string,
): Promise<CheckFinding> {
  try {
    return { ok: true, what, detail: told(await work()) };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { ok: false, what, detail: `${error.message} ${error.whatToDo}` };
  }
}

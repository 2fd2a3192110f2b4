import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { CheckFinding, OutboundAnswer, SecretValue } from '../../core/index.js';
import { credentialOf } from '../credential-of.js';
import {
  type KeyCall,
  type MintCall,
  type Minted,
  type Provider,
  type ProviderCall,
  ProviderError,
} from '../provider.js';
import { providerSecret } from '../provider-secret.js';
import { textOf } from '../secret-text.js';
import { endpointFields, endpointUrl, hostsOf } from './endpoint-fields.js';
import { proposalFields, proposeValue } from './propose-value.js';
import {
  BadAnswer,
  isObject,
  readExpiry,
  readKeyId,
  readObject,
  readValue,
} from './read-answer.js';
import { type Asked, failedAnswer, isSuccess, sendToProvider } from './send-to-provider.js';
import { readSigningKey, signWebhook } from './sign-webhook.js';
import { valueFields } from './value-fields.js';

const config = z.strictObject({
  url: endpointUrl('Where the webhook is.'),
  mode: z.enum(['signed', 'plain']).default('signed').meta({
    description:
      'signed: create, revoke and rollback, signed as Standard Webhooks; plain: rotate, with the secret in X-Webhook-Secret.',
  }),
  secret: providerSecret('The signing secret (whsec_…); plain: the text of X-Webhook-Secret.'),
  proposeValue: z.boolean().default(true).meta({
    description: 'signed: send a random value, which the webhook may use or answer with another.',
  }),
  ...proposalFields,
  sendCurrentValue: z.boolean().default(false).meta({
    description: 'Send the value in use along: only where the webhook needs it.',
  }),
  ...valueFields,
  ...endpointFields,
});

type CustomConfig = z.infer<typeof config>;
type Call = ProviderCall<CustomConfig>;
type Action = 'create' | 'verify' | 'revoke' | 'rollback' | 'check';

const WHO = 'The webhook';
const MAKING: Asked = { who: WHO, makes: true };
const ASKING: Asked = { who: WHO, makes: false };

/** A service of the user's own, asked over HTTP. What it is sent and answers: docs/providers/custom.md. */
export const custom: Provider<CustomConfig> = {
  id: 'custom',
  title: 'Custom webhook',
  summary: 'A service of your own makes and revokes the keys, asked by signed requests.',
  config,
  credentialsOf: ({ secret }) => ({ secret }),
  fields: ({ fields }) => fields,
  sentTo({ url, sendCurrentValue }) {
    const hosts = hostsOf([url]);
    return { credentials: hosts, value: sendCurrentValue ? hosts : [] };
  },
  keyActions: ({ mode }) => ({ disable: false, revoke: mode === 'signed' }),

  recovery({ mode, proposeValue, fields }) {
    // It has no id to tell a request that is sent again from another one.
    if (mode === 'plain') return 'consume';
    return proposeValue && fields.length === 0 ? 'apply' : 'replay';
  },

  /** One signed webhook serves many secrets, each by itself; a plain one is not told which it is asked for. */
  async principal({ config: { mode, url }, secret, environment }) {
    return mode === 'plain' ? url : `${url} ${environment}/${secret}`;
  },

  async check(call) {
    const { url, mode } = call.config;
    try {
      if (mode === 'plain') return [await reach(call, url)];
      return [await checkSignature(call)];
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const detail = `${error.message} ${error.whatToDo}`;
      return [{ ok: false, what: 'reach the webhook', detail }];
    }
  },

  async plan(call) {
    if (custom.recovery(call.config) !== 'apply') return {};
    return { material: proposeValue(call.config) };
  },

  mint: (call) => (call.config.mode === 'plain' ? rotatePlainly(call) : create(call)),

  async verify(call, { value, keyId }) {
    if (call.config.mode === 'plain') return;
    const members = { keyId, value: textOf(value) };
    const answer = await sendSigned(call, 'verify', `verify_${randomUUID()}`, members);
    if (isSuccess(answer) || isUnknownAction(answer)) return;
    const advice = 'Look at the log of the webhook: it says that the new value does not work.';
    throw failedAnswer(answer, ASKING, call.clock.now(), advice);
  },

  async revoke(call) {
    const action = call.because === 'replaced' ? 'revoke' : 'rollback';
    const { version, stepId } = call;
    // One that was never answered goes by the id that it was to have.
    const keyId = call.keyId ?? (action === 'rollback' ? stepId : null);
    const answer = await sendSigned(call, action, `${stepId}_${action}`, { keyId, version });
    if (isSuccess(answer) || answer.status === 404 || answer.status === 410) return;
    throw failedAnswer(answer, ASKING, call.clock.now(), whatToDo(call, answer));
  },
};

async function create(call: MintCall<CustomConfig>): Promise<Minted> {
  const {
    stepId,
    material,
    config: { sendCurrentValue },
    current,
  } = call;
  const answer = await sendSigned(call, 'create', `${stepId}_create`, {
    keyId: stepId,
    proposedValue: material === undefined ? undefined : textOf(material),
    currentValue: sendCurrentValue && current !== undefined ? textOf(current) : undefined,
  });
  return readMinted(call, answer, material, stepId);
}

async function rotatePlainly(call: MintCall<CustomConfig>): Promise<Minted> {
  const {
    config: { url, sendCurrentValue },
    current,
    clock,
  } = call;
  const answer = await sendToProvider(call, MAKING, {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'x-webhook-secret': credentialOf(call, 'secret'),
    },
    body: JSON.stringify({
      action: 'rotate',
      currentValue: sendCurrentValue && current !== undefined ? textOf(current) : undefined,
      timestamp: new Date(clock.now()).toISOString(),
    }),
  });
  return readMinted(call, answer, undefined, undefined);
}

function readMinted(
  call: MintCall<CustomConfig>,
  answer: OutboundAnswer,
  proposed: SecretValue | undefined,
  ownKeyId: string | undefined,
): Minted {
  const nowMs = call.clock.now();
  if (!isSuccess(answer)) throw failedAnswer(answer, MAKING, nowMs, whatToDo(call, answer));
  try {
    // What holds no JSON may still have made a key, but that of a proposed value is known.
    const body = answer.body.length === 0 ? {} : readObject(answer.body);
    if (body === undefined) throw new BadAnswer('it must be a JSON object');
    const { newValue, expiresAt, metadata } = body;
    if (metadata !== undefined && metadata !== null && !isObject(metadata)) {
      throw new BadAnswer('"metadata" must be an object');
    }
    const keyId = readKeyId(metadata?.keyId, 'metadata.keyId') ?? ownKeyId;
    const expiresAtMs = readExpiry(expiresAt, 'expiresAt', nowMs);
    const takesProposed = proposed !== undefined && (newValue === undefined || newValue === null);
    const minted = takesProposed
      ? { value: proposed }
      : readValue(newValue, call.config.fields, 'newValue');
    if (call.current?.equals(minted.value) === true) {
      throw new BadAnswer('"newValue" must be another one than the value in use');
    }
    return {
      ...minted,
      ...(keyId === undefined ? {} : { keyId }),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    };
  } catch (error) {
    if (!(error instanceof BadAnswer)) throw error;
    throw new ProviderError('unknown', `${WHO} answered ${answer.status}, but ${error.message}.`, {
      whatToDo: 'Correct what the webhook answers, and remove the key that it may have made.',
    });
  }
}

/** The same body and id each time that it is sent; only its time and signature are new. */
function sendSigned(
  call: Call,
  action: Action,
  id: string,
  members: Readonly<Record<string, unknown>>,
): Promise<OutboundAnswer> {
  const {
    secret,
    environment,
    clock,
    config: { url },
  } = call;
  const key = readSigningKey(credentialOf(call, 'secret'));
  if (key === undefined) {
    throw new ProviderError('refused', 'The signing secret is none of Standard Webhooks.', {
      whatToDo: `Give secret ${call.config.secret} of _providers a value of "whsec_" and the base64 of 24 to 64 bytes.`,
    });
  }
  const body = JSON.stringify({ action, secret, environment, ...members });
  const headers = {
    'content-type': 'application/json',
    ...signWebhook(key, id, body, clock.now()),
  };
  const asked = action === 'create' ? MAKING : ASKING;
  return sendToProvider(call, asked, { method: 'POST', url, headers, body });
}

async function checkSignature(call: Call): Promise<CheckFinding> {
  const answer = await sendSigned(call, 'check', `check_${randomUUID()}`, {});
  const { status } = answer;
  const what = 'send a signed request';
  if (isSuccess(answer)) return { ok: true, what, detail: `Answered ${status}.` };
  if (isUnknownAction(answer)) {
    return { ok: true, what, detail: `Answered ${status}: the webhook does not know "check".` };
  }
  const error = failedAnswer(answer, ASKING, call.clock.now(), whatToDo(call, answer));
  return { ok: false, what, detail: `${error.message} ${error.whatToDo}` };
}

/** What it answers to an action that it does not know: it need not know "check" and "verify". */
function isUnknownAction({ status }: OutboundAnswer): boolean {
  return status === 400 || status === 422 || status === 501;
}

/** Nothing that could be taken for "rotate" is sent. */
async function reach(call: Call, url: string): Promise<CheckFinding> {
  credentialOf(call, 'secret');
  const { status } = await sendToProvider(call, ASKING, { method: 'OPTIONS', url });
  const detail = `Answered ${status} to OPTIONS; whether it takes the secret shows the first rotation.`;
  return { ok: true, what: 'reach the webhook', detail };
}

function whatToDo({ config }: Call | KeyCall<CustomConfig>, { status }: OutboundAnswer): string {
  if (status === 401 || status === 403) {
    return `Give the webhook the same secret as ${config.secret} of _providers has.`;
  }
  if (status === 404 || status === 405) return 'Check "url" in the config: it is asked by POST.';
  if (status === 429 || status >= 500) return 'It is asked again; look at the log of the webhook.';
  return 'Look at the log of the webhook.';
}

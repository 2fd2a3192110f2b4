import { constants, createCipheriv, publicEncrypt, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  FOREIGN_WORDS,
  type ProviderStandIn,
  STAND_IN_FAULTS,
  type StandInKey,
} from '../provider-stand-in.js';
import { Faults } from './faults.js';
import { answerJson, bearerOf, listenStandIn } from './listen-stand-in.js';

const ACCOUNT = 'acct_1StandIn';
const OPERATOR = 'sk_live_operator4Of7The2Stand9In';
const OF_ASSISTED = ['unavailable', 'throttled', 'broken_key', 'wrong_credentials'] as const;

interface StripeKey {
  readonly id: string;
  /** What Stripe compares with: another one than was given out where the key is broken. */
  readonly secret: string;
  readonly account: string;
  readonly madeBy: StandInKey['madeBy'];
  status: 'active' | 'expired';
}

interface Given {
  readonly body: string;
  readonly answer: Readonly<Record<string, unknown>>;
}

export interface StripeOptions {
  readonly mode?: 'assisted' | 'api';
  /** Test keys come in the clear. */
  readonly live?: boolean;
  /** Of encrypted answers. */
  readonly algorithm?: 'RSA-OAEP' | 'RSA-OAEP-256';
  /** Whether an answer that is given again still has the key's value. */
  readonly repeatsValue?: boolean;
}

export interface StripeStandIn extends ProviderStandIn {
  /** Somebody's key, by hand. */
  addKey(options?: { account?: string; isTest?: boolean }): string;
  endByHand(headers: Readonly<Record<string, string>>): Promise<void>;
}

/** Stripe's API as far as keys go: versions, idempotency keys, encrypted answers, errors in its form. */
export async function startStripeStandIn({
  mode = 'assisted',
  live = true,
  algorithm = 'RSA-OAEP-256',
  repeatsValue = true,
}: StripeOptions = {}): Promise<StripeStandIn> {
  const faults = new Faults();
  const keys: StripeKey[] = [];
  const given = new Map<string, Given>();
  const newSecret = (isTest = !live): string =>
    `${mode === 'api' ? 'rk' : 'sk'}_${isTest ? 'test' : 'live'}_${randomBytes(24).toString('hex')}`;
  const addKey = (madeBy: StripeKey['madeBy'], secret: string, account = ACCOUNT): StripeKey => {
    const id = `mk_${randomBytes(8).toString('hex')}`;
    const key: StripeKey = { id, secret, account, madeBy, status: 'active' };
    keys.push(key);
    return key;
  };
  const activeKey = (secret: string | undefined): StripeKey | undefined =>
    keys.find((key) => key.secret === secret && key.status === 'active');
  const first = mode === 'assisted' ? addKey('before', newSecret()) : undefined;

  const requireOperator = ({ headers }: IncomingMessage): void => {
    if (bearerOf(headers) !== OPERATOR) throw new StripeFault(401, 'invalid_request_error');
    if (!/\.preview$/.test(String(headers['stripe-version']))) {
      throw new StripeFault(404, 'invalid_request_error');
    }
    if (headers['stripe-context'] !== ACCOUNT) throw new StripeFault(403, 'forbidden');
  };
  const describe = (key: StripeKey, secretKey: unknown) => ({
    id: key.id,
    object: 'v2.iam.api_key',
    status: key.status,
    livemode: live,
    secret_key: secretKey,
  });

  const create = (request: IncomingMessage, text: string): Given['answer'] | undefined => {
    const step = String(request.headers['idempotency-key']);
    const before = given.get(step);
    if (before !== undefined) {
      if (before.body !== text) throw new StripeFault(400, 'idempotency_error');
      return repeatsValue ? before.answer : { ...before.answer, secret_key: {} };
    }
    const { type, permissions, public_key } = JSON.parse(text);
    if (type !== 'secret_key' || !Array.isArray(permissions)) {
      throw new StripeFault(400, 'invalid_request_error');
    }
    const secret = newSecret();
    const isBroken = faults.take('broken_key');
    const key = addKey('keyferry', isBroken ? newSecret() : secret);
    const { data } = public_key.pem_key;
    const secretKey = live
      ? { encrypted_secret: { ciphertext: encrypt(secret, data, algorithm), format: 'jwe' } }
      : { token: secret };
    const answer = describe(key, secretKey);
    given.set(step, { body: text, answer });
    return faults.take('lost_answer') ? undefined : answer;
  };

  const act = (request: IncomingMessage, text: string): unknown => {
    const { method = '', url = '', headers } = request;
    if (faults.take('wrong_credentials')) throw new StripeFault(401, 'invalid_request_error');
    if (faults.take('throttled')) throw new StripeFault(429, 'rate_limit');
    if (faults.take('unavailable')) throw new StripeFault(503, 'api_error');
    const [path = ''] = url.split('?');
    if (path === '/v1/account') {
      const key = activeKey(bearerOf(headers));
      if (key === undefined) throw new StripeFault(401, 'invalid_request_error');
      if (key.secret.startsWith('rk_')) throw new StripeFault(403, 'invalid_request_error');
      return { id: key.account, object: 'account' };
    }
    const [, id, action] = /^\/v2\/iam\/api_keys(?:\/(\w+))?(?:\/(\w+))?$/.exec(path) ?? [];
    requireOperator(request);
    if (faults.take('missing_permission')) throw new StripeFault(403, 'forbidden');
    if (id === undefined) {
      if (method === 'POST') return create(request, text);
      return { data: keys.map((key) => describe(key, { token: key.secret })), next_page_url: null };
    }
    const key = keys.find((one) => one.id === id);
    if (key === undefined) throw new StripeFault(404, 'not_found');
    if (method === 'POST' && action === 'expire') {
      if (faults.take('refused_revocation')) throw new StripeFault(403, 'forbidden');
      if (key.status === 'expired') throw new StripeFault(400, 'invalid_request_error');
      key.status = 'expired';
    }
    return describe(key, {});
  };

  const answer = (request: IncomingMessage, text: string, response: ServerResponse): void => {
    const own = { 'request-id': `req_${randomBytes(7).toString('hex')}`, 'stripe-notice': text };
    try {
      const content = act(request, text);
      if (content !== undefined) answerJson(response, 200, content, own);
    } catch (error) {
      if (!(error instanceof StripeFault)) throw error;
      const { status, type } = error;
      const said = `${FOREIGN_WORDS}: ${bearerOf(request.headers)} ${text}`;
      answerJson(response, status, { error: { type, code: type, message: said } }, own);
    }
  };
  const { origin, close } = await listenStandIn(answer);
  const common = { endpoint: origin, timeoutSeconds: 5, allowPrivateNetwork: true };

  return {
    provider: 'stripe',
    config:
      mode === 'assisted'
        ? { mode, ...common }
        : {
            mode,
            operator: 'stripe_operator',
            account: ACCOUNT,
            permissions: ['charge_read'],
            ...common,
          },
    providerSecrets: mode === 'assisted' ? {} : { stripe_operator: OPERATOR },
    initial: first?.secret,
    fields: [],
    headers: { authorization: 'Bearer <<secret:key>>' },
    faults:
      mode === 'assisted' ? OF_ASSISTED : STAND_IN_FAULTS.filter((fault) => fault !== 'spent'),
    accepts: async (headers) => activeKey(bearerOf(headers)) !== undefined,
    async keys() {
      return keys.map(({ id, madeBy, status }) => {
        return { id, madeBy, state: status === 'active' ? 'live' : 'gone' };
      });
    },
    fail: (fault, times) => faults.add(fault, times),
    addForeignKey: async () => addKey('other', newSecret()).id,
    async valueToPaste() {
      const secret = newSecret();
      addKey('keyferry', faults.take('broken_key') ? newSecret() : secret);
      return secret;
    },
    addKey({ account, isTest } = {}) {
      return addKey('other', newSecret(isTest), account).secret;
    },
    async endByHand(headers) {
      const key = activeKey(bearerOf(headers));
      if (key !== undefined) key.status = 'expired';
    },
    close,
  };
}

class StripeFault extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string) {
    super(type);
    this.status = status;
    this.type = type;
  }
}

/** A compact JWE (RFC 7516). */
function encrypt(text: string, publicKey: string, alg: 'RSA-OAEP' | 'RSA-OAEP-256'): string {
  const head = Buffer.from(JSON.stringify({ alg, enc: 'A256GCM' })).toString('base64url');
  const key = randomBytes(32);
  const iv = randomBytes(12);
  const oaepHash = alg === 'RSA-OAEP' ? 'sha1' : 'sha256';
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const wrapped = publicEncrypt({ key: publicKey, padding, oaepHash }, key);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(head, 'ascii'));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const parts = [wrapped, iv, sealed, cipher.getAuthTag()].map((part) =>
    part.toString('base64url'),
  );
  return [head, ...parts].join('.');
}

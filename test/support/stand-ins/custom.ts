import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { FOREIGN_WORDS, type ProviderStandIn, type StandInKey } from '../provider-stand-in.js';
import { Faults } from './faults.js';
import { answerJson, bearerOf, listenStandIn } from './listen-stand-in.js';

export interface CustomStandIn extends ProviderStandIn {
  /** What it was asked, oldest first. */
  readonly asked: readonly Readonly<Record<string, unknown>>[];
  readonly headersSeen: readonly IncomingMessage['headers'][];
}

interface Held {
  readonly id: string;
  readonly value: string;
  readonly madeBy: StandInKey['madeBy'];
  readonly works: boolean;
  /** What Keyferry calls it where it has had no answer. */
  readonly stepId: string | undefined;
  state: StandInKey['state'];
}

/**
 * A service of a user's own that speaks the webhook's contract. Signed: it believes what the published Standard Webhooks
 * library does, and answers an id that it has seen before as it did before. Plain: it makes a key for each request.
 */
export async function startCustomStandIn(
  mode: 'signed' | 'plain' = 'signed',
  options: {
    readonly answersOwnValue?: boolean;
    /** Where the caller's clock is not that of this machine. */
    readonly nowMs?: () => number;
  } = {},
): Promise<CustomStandIn> {
  const secret =
    mode === 'plain'
      ? `hook-secret-${randomBytes(12).toString('hex')}`
      : `whsec_${randomBytes(32).toString('base64')}`;
  const initial = `hook-value-${randomBytes(16).toString('hex')}`;
  const held: Held[] = [
    {
      id: 'key_before',
      value: initial,
      madeBy: 'before',
      works: true,
      stepId: 'before',
      state: 'live',
    },
  ];
  const faults = new Faults();
  const asked: Readonly<Record<string, unknown>>[] = [];
  const headersSeen: IncomingMessage['headers'][] = [];
  const answered = new Map<string, unknown>();

  const make = (value: string, madeBy: StandInKey['madeBy'], stepId?: string): Held => {
    const works = madeBy === 'other' || !faults.take('broken_key');
    const key: Held = { id: `key_${held.length}`, value, madeBy, works, stepId, state: 'live' };
    held.push(key);
    return key;
  };
  const believes = (request: IncomingMessage, body: string): boolean => {
    if (faults.take('wrong_credentials')) return false;
    if (mode === 'plain') return request.headers['x-webhook-secret'] === secret;
    const headers = request.headers as Record<string, string>;
    const library = new Webhook(secret);
    if (options.nowMs !== undefined) {
      // The library takes the time of the machine.
      const sentAtMs = Number(headers['webhook-timestamp']) * 1000;
      const signature = library.sign(headers['webhook-id'] ?? '', new Date(sentAtMs), body);
      const isRecent = Math.abs(options.nowMs() - sentAtMs) < 300_000;
      return isRecent && headers['webhook-signature'] === signature;
    }
    try {
      library.verify(body, headers);
      return true;
    } catch {
      return false;
    }
  };

  const create = (
    id: string,
    { proposedValue, keyId: stepId }: Readonly<Record<string, unknown>>,
    response: ServerResponse,
  ): void => {
    let answer = answered.get(id);
    if (answer === undefined) {
      const own = options.answersOwnValue === true || typeof proposedValue !== 'string';
      const value = own ? `hook-value-${randomBytes(16).toString('hex')}` : proposedValue;
      const metadata = { keyId: make(value, 'keyferry', String(stepId)).id, madeIn: 'a test' };
      answer = own ? { newValue: value, expiresAt: null, metadata } : { metadata };
      answered.set(id, answer);
    }
    if (faults.take('lost_answer')) response.socket?.destroy();
    else answerJson(response, 200, answer);
  };
  const revoke = ({ keyId }: Readonly<Record<string, unknown>>, response: ServerResponse) => {
    if (faults.take('refused_revocation'))
      return answerJson(response, 403, { error: FOREIGN_WORDS });
    const wanted = keyId ?? 'key_before';
    const found = held.find(({ id, stepId }) => id === wanted || stepId === wanted);
    if (found === undefined) return answerJson(response, 404, { error: FOREIGN_WORDS });
    found.state = 'gone';
    answerJson(response, 200, {});
  };

  const server = await listenStandIn((request, body, response) => {
    if (request.method === 'OPTIONS') return answerJson(response, 204, undefined);
    headersSeen.push(request.headers);
    if (!believes(request, body)) return answerJson(response, 401, { error: FOREIGN_WORDS });
    const message = JSON.parse(body) as Record<string, unknown>;
    asked.push(message);
    const { action } = message;
    if (action === 'check') return answerJson(response, 200, {});
    if (faults.take('throttled')) {
      return answerJson(response, 429, { error: FOREIGN_WORDS }, { 'retry-after': '1' });
    }
    if (faults.take('unavailable')) return answerJson(response, 503, { error: FOREIGN_WORDS });
    if (mode === 'plain') {
      if (action !== 'rotate') return answerJson(response, 400, { error: FOREIGN_WORDS });
      return create(`plain_${asked.length}`, {}, response);
    }
    if (action === 'create')
      return create(String(request.headers['webhook-id']), message, response);
    if (action === 'verify') {
      const works = held.some((key) => key.value === message.value && key.works);
      return answerJson(response, works ? 200 : 404, { error: FOREIGN_WORDS });
    }
    if (action === 'revoke' || action === 'rollback') return revoke(message, response);
    answerJson(response, 400, { error: FOREIGN_WORDS });
  });

  return {
    provider: 'custom',
    config: {
      url: `${server.origin}/rotate`,
      mode,
      secret: 'hook_secret',
      timeoutSeconds: 5,
      allowPrivateNetwork: true,
    },
    providerSecrets: { hook_secret: secret },
    initial,
    fields: [],
    headers: { Authorization: 'Bearer <<secret:key>>' },
    faults: [
      'lost_answer',
      'unavailable',
      'throttled',
      ...(mode === 'signed'
        ? (['broken_key', 'refused_revocation', 'wrong_credentials'] as const)
        : []),
    ],
    retryAfterSeconds: 1,
    verifies: mode === 'signed',
    asked,
    headersSeen,
    async accepts(headers) {
      const value = bearerOf(headers);
      return held.some((key) => key.state === 'live' && key.works && key.value === value);
    },
    async keys() {
      return held.map(({ id, state, madeBy }) => ({ id, state, madeBy }));
    },
    fail: (fault, times) => faults.add(fault, times),
    async addForeignKey() {
      return make(randomBytes(16).toString('hex'), 'other').id;
    },
    close: () => server.close(),
  };
}

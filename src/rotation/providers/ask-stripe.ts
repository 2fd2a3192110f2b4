import type { Stripe } from 'stripe';
import type { OutboundAnswer } from '../../core/index.js';
import { type ProviderCall, ProviderError } from '../provider.js';
import { type Asked, failedAnswer, sendToProvider } from './send-to-provider.js';
import { STRIPE_API, type StripeConfig } from './stripe-config.js';

type HttpClient = NonNullable<NonNullable<ConstructorParameters<typeof Stripe>[1]>['httpClient']>;

export interface StripeAsking {
  readonly call: ProviderCall<StripeConfig>;
  readonly key: string;
  /** Whose key it is, for messages: `the key in use`. */
  readonly whose: string;
  readonly makes?: boolean;
}

export interface StripeRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly idempotencyKey?: string;
}

/** Asks Stripe by its SDK: nothing is sent twice, and all goes through `Outbound`. Throws `ProviderError`. */
export async function askStripe(
  asking: StripeAsking,
  { method, path, body, idempotencyKey }: StripeRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const { call, key, makes = false } = asking;
  const { endpoint = STRIPE_API, apiVersion, account } = call.config;
  const asked: Asked = { who: 'Stripe', makes };
  const heard: Heard = { answer: undefined };
  const { protocol, hostname, port } = new URL(endpoint);
  const isSecure = protocol === 'https:';
  const { default: Client } = await import('stripe');
  const stripe = new Client(key, {
    protocol: isSecure ? 'https' : 'http',
    host: hostname,
    port: port === '' ? (isSecure ? 443 : 80) : port,
    httpClient: clientOver(call, asked, heard),
    maxNetworkRetries: 0,
    telemetry: false,
  });
  try {
    return await stripe.rawRequest(method, path, body, {
      ...(path.startsWith('/v2/') && { apiVersion }),
      ...(path.startsWith('/v2/') && account !== undefined && { stripeContext: account }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
  } catch (error) {
    throw stripeFailure(error, asking, asked, heard.answer);
  }
}

interface Heard {
  answer: OutboundAnswer | undefined;
}

function clientOver(call: StripeAsking['call'], asked: Asked, heard: Heard): HttpClient {
  return {
    getClientName: () => 'keyferry',
    async makeRequest(host, port, path, method, headers, body, protocol) {
      const url = `${protocol}://${host}:${port}${path}`;
      const named = Object.entries(headers).flatMap(([name, value]) =>
        // It describes this machine.
        name === 'X-Stripe-Client-User-Agent' ? [] : [[name, String(value)] as const],
      );
      const answer = await sendToProvider(call, asked, {
        method,
        url,
        headers: Object.fromEntries(named),
        body: body === '' ? undefined : body,
      });
      heard.answer = answer;
      // The SDK would write it to standard error.
      const { 'stripe-notice': _notice, ...kept } = answer.headers;
      return {
        getStatusCode: () => answer.status,
        getHeaders: () => kept,
        getRawResponse: () => ({}),
        toStream: () => answer.body,
        toJSON: async () => JSON.parse(new TextDecoder().decode(answer.body)),
      };
    },
  };
}

function stripeFailure(
  error: unknown,
  { call, whose, makes = false }: StripeAsking,
  asked: Asked,
  answer: OutboundAnswer | undefined,
): ProviderError {
  const { detail } = error as { readonly detail?: unknown };
  if (detail instanceof ProviderError) return detail;
  if (answer === undefined) throw error;
  const { status } = answer;
  const requestId = /^req_\w{1,60}$/.exec(answer.headers['request-id'] ?? '')?.[0];
  const log =
    requestId === undefined ? '' : ` Request ${requestId} is in its log in the dashboard.`;
  if (status < 400 || status === 409) {
    const what =
      status === 409 ? '409: the same request is under way' : 'something that is no JSON';
    return new ProviderError(makes ? 'unknown' : 'unavailable', `Stripe answered ${what}.`, {
      whatToDo: `It is asked again.${log}`,
      cause: error,
    });
  }
  const failed = failedAnswer(answer, asked, call.clock.now(), `${advice(status, whose)}${log}`);
  const { failure, message, whatToDo, retryAfterMs } = failed;
  const own = status === 401 ? `Stripe does not accept ${whose} (401).` : message;
  return new ProviderError(failure, own, { whatToDo, retryAfterMs, cause: error });
}

function advice(status: number, whose: string): string {
  if (status === 401)
    return 'It was expired, deleted or mistyped: look under API keys in the dashboard.';
  if (status === 403) return `Give ${whose} the permission, or use another key.`;
  if (status === 404) {
    return 'This account has no API for keys, or "apiVersion" is another one: ask Stripe for it, or use mode assisted.';
  }
  if (status === 429 || status >= 500)
    return 'It is asked again; status.stripe.com tells of outages.';
  return 'Check "permissions", "account" and "apiVersion" in the config.';
}

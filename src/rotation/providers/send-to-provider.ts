import {
  AppError,
  type OutboundAnswer,
  type OutboundRequest,
  readRetryAfter,
} from '../../core/index.js';
import { type ProviderCall, ProviderError, type ProviderFailure } from '../provider.js';

const MAX_RETRY_AFTER_MS = 86_400_000;

interface EndpointConfig {
  readonly timeoutSeconds: number;
  readonly allowPrivateNetwork: boolean;
  readonly ca?: string | undefined;
}

type Sent = Pick<OutboundRequest, 'method' | 'url' | 'headers' | 'body'>;

/** Who is asked, for messages, and whether a key may come of it: else nothing is left unknown. */
export interface Asked {
  readonly who: string;
  readonly makes: boolean;
}

/**
 * Sends one request and gives back its answer, whatever its status. Throws `unavailable` where nothing was sent,
 * `refused` where the address is not allowed, and `unknown` where it may have arrived.
 */
export async function sendToProvider(
  call: ProviderCall<EndpointConfig>,
  asked: Asked,
  request: Sent,
): Promise<OutboundAnswer> {
  const { timeoutSeconds, allowPrivateNetwork, ca } = call.config;
  try {
    return await call.outbound.send({
      ...request,
      timeoutMs: timeoutSeconds * 1000,
      allowPrivateNetwork,
      ca,
      signal: call.signal,
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw notAnswered(error, asked);
  }
}

function notAnswered(error: AppError, { who, makes }: Asked): ProviderError {
  const { code, message: detail } = error;
  const failed = (failure: ProviderFailure, message: string, whatToDo: string): ProviderError =>
    new ProviderError(failure, message, { whatToDo, cause: error });
  if (code === 'upstream_unreachable') {
    const whatToDo = 'Check its address, its certificate and the network between.';
    return failed('unavailable', `${who} cannot be reached. ${detail}`, whatToDo);
  }
  if (code === 'upstream_address_denied') {
    const whatToDo = 'If it is meant to be there, set "allowPrivateNetwork": true in the config.';
    return failed('refused', `${who} is at an address that is not allowed.`, whatToDo);
  }
  const whatToDo = `Look there whether it was carried out. ${detail}`;
  return failed(
    makes ? 'unknown' : 'unavailable',
    `${who} got the request and gave no whole answer.`,
    whatToDo,
  );
}

/**
 * What an answer other than 2xx means: 429 is `throttled`; 5xx, 408 and 303, which may follow what was carried out, are
 * `unknown` where a key may have come of it; all else is `refused`.
 */
export function failedAnswer(
  answer: OutboundAnswer,
  { who, makes }: Asked,
  nowMs: number,
  whatToDo: string,
): ProviderError {
  const { status } = answer;
  const retryAfterMs = retryAfterOf(answer, nowMs);
  const isRedirect = status >= 300 && status < 400;
  const message = isRedirect
    ? `${who} answered ${status}: redirects are not followed.`
    : `${who} answered ${status}.`;
  const options = { whatToDo, retryAfterMs };
  return new ProviderError(failureOf(status, makes), message, options);
}

function failureOf(status: number, makes: boolean): ProviderFailure {
  if (status === 429) return 'throttled';
  if (status < 500 && status !== 408 && status !== 303) return 'refused';
  return makes ? 'unknown' : 'unavailable';
}

/** A day at most. */
export function retryAfterOf(answer: OutboundAnswer, nowMs: number): number | undefined {
  return readRetryAfter(answer.headers['retry-after'], nowMs, MAX_RETRY_AFTER_MS);
}

export function isSuccess({ status }: OutboundAnswer): boolean {
  return status >= 200 && status < 300;
}

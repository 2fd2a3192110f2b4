import { AppError, type Outbound, type OutboundAnswer, readRetryAfter } from '../../core/index.js';
import { SendFailure } from './channel-sender.js';

const TIMEOUT_MS = 15_000;
const MOST_WAIT_MS = 6 * 3_600_000;

/**
 * Posts to a receiver. Throws `SendFailure` for anything but 2xx: for good where the receiver will never take it (4xx
 * but 408, 425 and 429), otherwise with what its `Retry-After` says (RFC 9110, 10.2.3).
 */
export async function postJson(
  outbound: Outbound,
  receiver: string,
  request: {
    readonly url: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly allowPrivateNetwork?: boolean;
  },
  nowMs: number,
): Promise<void> {
  let answer: OutboundAnswer;
  try {
    answer = await outbound.send({
      method: 'POST',
      ...request,
      headers: { 'content-type': 'application/json', ...request.headers },
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: 64 * 1024,
    });
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    // The detail may name the address, and that of Slack is a credential.
    throw new SendFailure(`${receiver} could not be reached: ${cause.code}.`, { cause });
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return;
  const isPermanent = status >= 300 && status < 500 && ![408, 425, 429].includes(status);
  throw new SendFailure(`${receiver} answered ${status}.`, {
    isPermanent,
    retryAfterMs: readRetryAfter(answer.headers['retry-after'], nowMs, MOST_WAIT_MS),
  });
}

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
    throw new SendFailure(`${receiver} ${whyNot(cause, request)}`, { cause });
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return;
  const isPermanent = status >= 300 && status < 500 && ![408, 425, 429].includes(status);
  throw new SendFailure(`${receiver} answered ${status}.`, {
    isPermanent,
    retryAfterMs: readRetryAfter(answer.headers['retry-after'], nowMs, MOST_WAIT_MS),
  });
}

/** By the code alone: the detail may name the address, and that of Slack is a credential. */
function whyNot(
  { code }: AppError,
  { allowPrivateNetwork = false }: { readonly allowPrivateNetwork?: boolean },
): string {
  if (code !== 'upstream_address_denied') return `could not be reached: ${code}.`;
  return allowPrivateNetwork
    ? 'was not sent anything: "http:" goes to this machine alone. Write https: in its address.'
    : 'is at a private, loopback or reserved address, and nothing was sent there. If that is meant, set allowPrivateNetwork (--allow-private-network).';
}

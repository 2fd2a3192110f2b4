import type { ChannelSender, OutgoingMessage, SendingParts } from './channel-sender.js';
import { SendFailure } from './channel-sender.js';
import { readCredential } from './read-credential.js';

const CONNECT_TIMEOUT_MS = 15_000;
const SOCKET_TIMEOUT_MS = 30_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i;

type EmailSettings = Parameters<ChannelSender<'email'>>[0];

/** A mail by SMTP. With `starttls` nothing is sent to a server that does not offer it (RFC 3207). */
export const sendEmail: ChannelSender<'email'> = async (settings, message, parts) => {
  if (settings.security === 'none' && !LOOPBACK.test(settings.host)) {
    throw new SendFailure('Mail without TLS goes to this machine alone: choose starttls or tls.', {
      isPermanent: true,
    });
  }
  const auth = await authOf(settings, parts);
  // Few need it: not before the first mail.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host: settings.host,
    port: settings.port,
    secure: settings.security === 'tls',
    requireTLS: settings.security === 'starttls',
    ignoreTLS: settings.security === 'none',
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    tls: { minVersion: 'TLSv1.2', ...(settings.ca === null ? {} : { ca: settings.ca }) },
    ...(auth === undefined ? {} : { auth }),
  });
  try {
    const { rejected } = await transport.sendMail({
      from: settings.from,
      to: [...settings.to],
      subject: oneLine(message.title),
      text: textOf(message),
      html: htmlOf(message),
      messageId: `<${message.deliveryId}@keyferry.invalid>`,
      headers: {
        // RFC 3834: no holiday notice answers it.
        'Auto-Submitted': 'auto-generated',
        'X-Keyferry-Event': message.event,
        ...(message.urgency === 'urgent' ? { Importance: 'high', 'X-Priority': '1' } : {}),
      },
    });
    // The others have it: sent again, they would have it twice.
    if (rejected.length > 0) {
      const text = `The mail server refuses ${rejected.length} of ${settings.to.length} recipients.`;
      throw new SendFailure(text, { isPermanent: true });
    }
  } catch (cause) {
    if (cause instanceof SendFailure) throw cause;
    throw toSendFailure(cause);
  } finally {
    transport.close();
  }
};

async function authOf(
  { username, passwordSecret }: EmailSettings,
  parts: SendingParts,
): Promise<{ user: string; pass: string } | undefined> {
  if (username === null || passwordSecret === null) return undefined;
  return { user: username, pass: readCredential(await parts.credential(passwordSecret)) };
}

/** By nodemailer's code and the server's number, never by its text. */
function toSendFailure(cause: unknown): SendFailure {
  const { code, responseCode } = cause as { code?: unknown; responseCode?: unknown };
  const number = typeof responseCode === 'number' ? responseCode : undefined;
  const said = number === undefined ? '' : ` (${number})`;
  const options = { cause, isPermanent: number !== undefined && number >= 500 };
  switch (code) {
    case 'EAUTH':
      // A password may be put right without a change of the channel.
      return new SendFailure(`The mail server refuses user name or password${said}.`, { cause });
    case 'ETLS':
      return new SendFailure('The mail server does not offer STARTTLS, or its TLS fails.', {
        cause,
      });
    case 'EENVELOPE':
      return new SendFailure(`The mail server refuses sender or recipient${said}.`, options);
    case 'EMESSAGE':
      return new SendFailure(`The mail server refuses the message${said}.`, options);
    case 'ETIMEDOUT':
      return new SendFailure('The mail server did not answer in time.', { cause });
    case 'ECONNECTION':
    case 'ESOCKET':
    case 'EDNS':
      return new SendFailure(
        'The mail server cannot be reached, or its certificate is not trusted.',
        { cause },
      );
    default:
      return new SendFailure(`The mail could not be sent${said}.`, options);
  }
}

function textOf({ summary, whatToDo, command, link, atMs }: OutgoingMessage): string {
  return [
    summary,
    '',
    `What to do: ${whatToDo}`,
    '',
    `  ${command}`,
    ...(link === undefined ? [] : ['', link]),
    '',
    `At ${new Date(atMs).toISOString()}, by Keyferry.`,
    '',
  ].join('\n');
}

function htmlOf({ summary, whatToDo, command, link, atMs }: OutgoingMessage): string {
  const parts = [
    `<p>${escapeHtml(summary)}</p>`,
    `<p><strong>What to do:</strong> ${escapeHtml(whatToDo)}</p>`,
    `<pre>${escapeHtml(command)}</pre>`,
    ...(link === undefined ? [] : [`<p><a href="${escapeHtml(link)}">Open the console</a></p>`]),
    `<p><small>At ${new Date(atMs).toISOString()}, by Keyferry.</small></p>`,
  ];
  return `<!doctype html><html lang="en"><body>${parts.join('')}</body></html>`;
}

const ESCAPED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPED[character] ?? '');
}

/** A subject is one line, whatever a name or a label holds. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

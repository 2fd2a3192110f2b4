import { createHmac } from 'node:crypto';
import { type ChannelSender, type OutgoingMessage, SendFailure } from './channel-sender.js';
import { postJson } from './post-json.js';
import { readCredential } from './read-credential.js';

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme */
const SIGNING_SECRET = /^whsec_([A-Za-z0-9+/]{32,}={0,2})$/;

/** A POST that its receiver can check, by Standard Webhooks: the id is the same each time that it is tried. */
export const sendWebhook: ChannelSender<'webhook'> = async (settings, message, parts) => {
  const secret = readCredential(await parts.credential(settings.signingSecret)).trim();
  const key = SIGNING_SECRET.exec(secret)?.[1];
  if (key === undefined) {
    throw new SendFailure(
      `The secret "${settings.signingSecret}" is no signing secret of Standard Webhooks: expected whsec_ and at least 24 bytes in base64.`,
    );
  }
  const id = `msg_${message.deliveryId}`;
  const timestamp = Math.floor(parts.nowMs / 1000);
  const body = JSON.stringify(payloadOf(message));
  const signature = createHmac('sha256', Buffer.from(key, 'base64'))
    .update(`${id}.${timestamp}.${body}`)
    .digest('base64');
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  };
  const { url, allowPrivateNetwork } = settings;
  await postJson(
    parts.outbound,
    'The webhook',
    { url, body, headers, allowPrivateNetwork },
    parts.nowMs,
  );
};

function payloadOf(message: OutgoingMessage) {
  return {
    type: `keyferry.${message.event}`,
    timestamp: new Date(message.atMs).toISOString(),
    data: {
      subject: message.subject,
      urgency: message.urgency,
      alertId: message.alertId,
      secret: message.secret,
      environment: message.environment,
      title: message.title,
      summary: message.summary,
      whatToDo: message.whatToDo,
      command: message.command,
      link: message.link ?? null,
    },
  };
}

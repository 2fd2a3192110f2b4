import type { ChannelSettings } from '../../core/index.js';
import type { OutgoingMessage, SendingParts } from './channel-sender.js';
import { sendEmail } from './send-email.js';
import { sendLog } from './send-log.js';
import { sendSlack } from './send-slack.js';
import { sendWebhook } from './send-webhook.js';

/** Sends by the channel's own way. Throws `SendFailure`. */
export function sendMessage(
  settings: ChannelSettings,
  message: OutgoingMessage,
  parts: SendingParts,
): Promise<void> {
  switch (settings.kind) {
    case 'email':
      return sendEmail(settings, message, parts);
    case 'slack':
      return sendSlack(settings, message, parts);
    case 'webhook':
      return sendWebhook(settings, message, parts);
    case 'log':
      return sendLog(settings, message, parts);
  }
}

import { type ChannelSender, type OutgoingMessage, SendFailure } from './channel-sender.js';
import { postJson } from './post-json.js';
import { readCredential } from './read-credential.js';

const SIGNS = { urgent: ':rotating_light:', warning: ':warning:', notice: ':information_source:' };
/** Slack's limits of a header and of a section's text. */
const HEADER_CHARACTERS = 150;
const SECTION_CHARACTERS = 3000;

/** An incoming webhook of Slack: its address is the credential. */
export const sendSlack: ChannelSender<'slack'> = async (settings, message, parts) => {
  const url = readCredential(await parts.credential(settings.urlSecret)).trim();
  if (!URL.canParse(url)) {
    throw new SendFailure(`The secret "${settings.urlSecret}" is no address of a Slack webhook.`);
  }
  const mention = settings.mentionChannel && message.urgency === 'urgent' ? '<!channel> ' : '';
  const body = JSON.stringify({
    text: `${mention}${escapeSlack(message.title)}`,
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: cut(message.title, HEADER_CHARACTERS), emoji: false },
      },
      section(`${mention}${SIGNS[message.urgency]} ${escapeSlack(message.summary)}`),
      section(`*What to do:* ${escapeSlack(message.whatToDo)}`),
      section(lastLine(message)),
    ],
  });
  const { allowPrivateNetwork } = settings;
  await postJson(parts.outbound, 'Slack', { url, body, allowPrivateNetwork }, parts.nowMs);
};

function lastLine({ command, link }: OutgoingMessage): string {
  const shown = `\`${escapeSlack(command).replaceAll('`', "'")}\``;
  return link === undefined ? shown : `${shown}\n<${encodeURI(link)}|Open the console>`;
}

function section(text: string) {
  return { type: 'section', text: { type: 'mrkdwn', text: cut(text, SECTION_CHARACTERS) } };
}

/** https://docs.slack.dev/messaging/formatting-message-text#escaping: these three, and nothing else. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

import { z } from '@hono/zod-openapi';
import {
  ALERT_URGENCIES,
  type ChannelSettings,
  NOTIFICATION_EVENTS,
  SECRET_NAME,
} from '../core/index.js';

const MOST_COOLDOWN_MINUTES = 30 * 1440;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i;
/** `Name <a@b>` or `a@b`: one, on one line. */
const ADDRESS =
  /^(?:[^<>@,;:\p{Cc}]{0,100}<[^\s<>@,;\p{Cc}]{1,64}@[^\s<>@,;\p{Cc}]{1,253}>|[^\s<>@,;:\p{Cc}]{1,64}@[^\s<>@,;\p{Cc}]{1,253})$/u;

const address = z
  .string()
  .max(400)
  .refine((text) => ADDRESS.test(text), 'expected a mail address');
const providerSecret = z
  .string()
  .regex(SECRET_NAME, 'expected the name of a secret')
  .openapi({ description: 'Name of a secret of the environment _providers' });

const shared = {
  events: z
    .array(z.enum(NOTIFICATION_EVENTS))
    .min(1)
    .nullable()
    .optional()
    .openapi({ description: 'null = all' }),
  leastUrgency: z.enum(ALERT_URGENCIES).optional(),
  cooldownMinutes: z.int().min(0).max(MOST_COOLDOWN_MINUTES).optional().openapi({
    description:
      'By default 60. The same about the same is not sent again sooner, unless it became more urgent',
  }),
};

const Email = z
  .strictObject({
    kind: z.literal('email'),
    ...shared,
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535).optional(),
    security: z.enum(['starttls', 'tls', 'none']).optional().openapi({
      description: 'By default starttls: never sent without. none: only to this machine',
    }),
    from: address,
    to: z.array(address).min(1).max(50),
    username: z.string().min(1).max(320).nullable().optional(),
    passwordSecret: providerSecret.nullable().optional(),
    ca: z.string().max(100_000).nullable().optional().openapi({
      description: "PEM: the authority of the server's certificate, instead of the system's",
    }),
  })
  .refine(({ security, host }) => security !== 'none' || LOOPBACK.test(host), {
    path: ['security'],
    message: 'found none, expected starttls or tls: mail without TLS goes to this machine alone',
  })
  .refine(({ username, passwordSecret }) => (username == null) === (passwordSecret == null), {
    path: ['username'],
    message: '"username" and "passwordSecret" go together',
  });

const Slack = z.strictObject({
  kind: z.literal('slack'),
  ...shared,
  urlSecret: providerSecret,
  mentionChannel: z.boolean().optional().openapi({ description: '@channel for what is urgent' }),
  allowPrivateNetwork: z.boolean().optional(),
});

const Webhook = z.strictObject({
  kind: z.literal('webhook'),
  ...shared,
  url: z
    .string()
    .max(2000)
    .refine(isWebhookUrl, 'expected an https: address, or http: on this machine'),
  signingSecret: providerSecret,
  allowPrivateNetwork: z.boolean().optional(),
});

const LogLine = z.strictObject({ kind: z.literal('log'), ...shared });

/** What a body says of a channel. */
export const ChannelSettingsInput = z
  .discriminatedUnion('kind', [Email, Slack, Webhook, LogLine])
  .openapi('ChannelSettings');

export type GivenChannelSettings = z.output<typeof ChannelSettingsInput>;

/** With what was left out filled in. */
export function channelSettingsOf(given: GivenChannelSettings): ChannelSettings {
  const base = {
    events: given.events ?? null,
    leastUrgency: given.leastUrgency ?? 'notice',
    cooldownMinutes: given.cooldownMinutes ?? 60,
  };
  switch (given.kind) {
    case 'email': {
      const security = given.security ?? 'starttls';
      return {
        ...base,
        kind: 'email',
        host: given.host,
        port: given.port ?? (security === 'tls' ? 465 : 587),
        security,
        from: given.from,
        to: given.to,
        username: given.username ?? null,
        passwordSecret: given.passwordSecret ?? null,
        ca: given.ca ?? null,
      };
    }
    case 'slack': {
      const { urlSecret, mentionChannel = false, allowPrivateNetwork = false } = given;
      return { ...base, kind: 'slack', urlSecret, mentionChannel, allowPrivateNetwork };
    }
    case 'webhook': {
      const { url, signingSecret, allowPrivateNetwork = false } = given;
      return { ...base, kind: 'webhook', url, signingSecret, allowPrivateNetwork };
    }
    case 'log':
      return { ...base, kind: 'log' };
  }
}

/** Names of the secrets that it takes from `_providers`, by the field that names each. */
export function credentialsOf(settings: ChannelSettings): Readonly<Record<string, string>> {
  switch (settings.kind) {
    case 'email':
      return settings.passwordSecret === null ? {} : { passwordSecret: settings.passwordSecret };
    case 'slack':
      return { urlSecret: settings.urlSecret };
    case 'webhook':
      return { signingSecret: settings.signingSecret };
    case 'log':
      return {};
  }
}

function isWebhookUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}

import { z } from '@hono/zod-openapi';
import {
  AppError,
  type Channel,
  type ChannelSettings,
  type Delivery,
  NOTIFICATION_EVENTS,
  nearestName,
  PROVIDERS_ENVIRONMENT,
  titleOf,
} from '../core/index.js';
import { actorOf } from './actor.js';
import { ChannelSettingsInput, channelSettingsOf, credentialsOf } from './channel-settings.js';
import type { AdminDependencies } from './dependencies.js';
import { holderName } from './holder-name.js';
import { defineOperation, type Operation } from './operation.js';
import { pageOf, pageParameters } from './query-parameters.js';
import { requireUnscoped } from './scope.js';
import { Timestamp, toTimestamp, toTimestampOrNull } from './wire-time.js';

const ChannelSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    settings: z.record(z.string(), z.unknown()).openapi({
      description: 'As `ChannelSettings`, with what was left out filled in',
    }),
    createdAt: Timestamp,
    createdBy: z.string(),
    lastSentAt: Timestamp.nullable(),
    lastFailedAt: Timestamp.nullable(),
    lastProblem: z.string().nullable().openapi({ description: 'null after a success' }),
    waiting: z.int().openapi({ description: 'Messages that are not sent yet' }),
  })
  .openapi('Channel');

const DeliverySchema = z
  .strictObject({
    id: z.string(),
    channel: z.string().nullable().openapi({ description: 'Its name, where it is still there' }),
    event: z.enum(NOTIFICATION_EVENTS),
    title: z.string(),
    createdAt: Timestamp,
    attempts: z.int(),
    state: z.enum(['waiting', 'sent', 'given_up']),
    nextAttemptAt: Timestamp.nullable(),
    sentAt: Timestamp.nullable(),
    problem: z.string().nullable(),
  })
  .openapi('Delivery');

const NewChannel = z
  .strictObject({ name: holderName, settings: ChannelSettingsInput })
  .openapi('NewChannel');
const ChannelPath = z.strictObject({ id: z.string() });

/** Where people are told what needs them. Channels see what happens everywhere: they are for unlimited admins. */
export function notificationOperations(dependencies: AdminDependencies): Operation[] {
  const { store, clock, notifier } = dependencies;
  const shown = async (channel: Channel) => {
    const waiting = await store.waitingDeliveries();
    return { body: showChannel(channel, waiting.get(channel.id) ?? 0) };
  };
  const require = async (id: string): Promise<Channel> => {
    const found = await store.getChannel(id);
    if (found === undefined) throw new AppError('not_found', 'There is no channel with this id.');
    return found;
  };
  /** Throws `invalid_request` where a credential is not there. */
  const requireCredentials = async (settings: ChannelSettings): Promise<void> => {
    const environment = PROVIDERS_ENVIRONMENT;
    const named = Object.entries(credentialsOf(settings));
    const references = named.map(([, secret]) => ({ secret, environment, version: undefined }));
    const missing = await store.missingValues(references);
    if (missing.length === 0) return;
    const { items } = await store.listSecrets({ environment, limit: 1000 });
    const problems = missing.map(({ secret }) => {
      const field = named.find(([, name]) => name === secret)?.[0] ?? '';
      const nearest = nearestName(
        secret,
        items.map(({ name }) => name),
      );
      return {
        path: `settings.${field}`,
        message: `"${secret}" has no value in the environment ${environment}: add it with keyferry secrets create ${secret} --environment ${environment}`,
        ...(nearest === undefined ? {} : { nearest }),
      };
    });
    const [first] = problems;
    throw new AppError('invalid_request', `${first?.path}: ${first?.message}`, { problems });
  };
  const common = { tag: 'notifications', changes: false } as const;
  return [
    defineOperation({
      ...common,
      method: 'post',
      path: '/v1/notifications',
      summary: 'Create a channel',
      description: 'Credentials are secrets of the environment `_providers`, named here.',
      role: 'admin',
      body: NewChannel,
      example: {
        name: 'on-call',
        settings: { kind: 'slack', urlSecret: 'slack_on_call', mentionChannel: true },
      },
      status: 201,
      answer: ChannelSchema,
      answerDescription: 'The channel',
      errors: ['name_taken'],
      async handle({ caller, body }) {
        requireUnscoped(caller.admin);
        const settings = channelSettingsOf(body.settings);
        await requireCredentials(settings);
        const command = { actor: actorOf(caller), name: body.name, settings };
        return shown(await store.createChannel(command));
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/notifications',
      summary: 'List channels, by name',
      role: 'viewer',
      query: z.strictObject(pageParameters),
      status: 200,
      answer: z.strictObject({ items: z.array(ChannelSchema), nextCursor: z.null() }),
      answerDescription: 'All channels, on one page',
      async handle({ caller }) {
        requireUnscoped(caller.admin);
        const [channels, waiting] = await Promise.all([
          store.listChannels(),
          store.waitingDeliveries(),
        ]);
        const items = channels.map((one) => showChannel(one, waiting.get(one.id) ?? 0));
        return { body: { items, nextCursor: null } };
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/notifications/deliveries',
      summary: 'List messages that were sent, wait, or were given up, newest first',
      role: 'viewer',
      query: z.strictObject({ channel: z.string().optional(), ...pageParameters }),
      status: 200,
      answer: pageOf(DeliverySchema),
      answerDescription: 'One page of messages; what is older than 90 days is forgotten',
      async handle({ caller, query: { channel, ...page } }) {
        requireUnscoped(caller.admin);
        const found = await store.listDeliveries({ ...page, channelId: channel });
        const names = new Map((await store.listChannels()).map(({ id, name }) => [id, name]));
        const items = found.items.map((one) => showDelivery(one, names.get(one.channelId) ?? null));
        return { body: { items, nextCursor: found.nextCursor } };
      },
    }),
    defineOperation({
      ...common,
      method: 'get',
      path: '/v1/notifications/{id}',
      summary: 'Show a channel',
      role: 'viewer',
      params: ChannelPath,
      status: 200,
      answer: ChannelSchema,
      answerDescription: 'The channel',
      errors: ['not_found'],
      async handle({ caller, params: { id } }) {
        requireUnscoped(caller.admin);
        return shown(await require(id));
      },
    }),
    defineOperation({
      ...common,
      method: 'put',
      path: '/v1/notifications/{id}',
      summary: 'Change the settings of a channel, all of them',
      role: 'admin',
      params: ChannelPath,
      body: z.strictObject({ settings: ChannelSettingsInput }),
      status: 200,
      answer: ChannelSchema,
      answerDescription: 'The channel as it is now',
      errors: ['not_found'],
      async handle({ caller, params: { id }, body }) {
        requireUnscoped(caller.admin);
        await require(id);
        const settings = channelSettingsOf(body.settings);
        await requireCredentials(settings);
        return shown(await store.updateChannel({ actor: actorOf(caller), id, settings }));
      },
    }),
    defineOperation({
      ...common,
      method: 'delete',
      path: '/v1/notifications/{id}',
      summary: 'Delete a channel, and what it has not sent',
      role: 'admin',
      params: ChannelPath,
      status: 204,
      answerDescription: 'It is gone',
      errors: ['not_found'],
      async handle({ caller, params: { id } }) {
        requireUnscoped(caller.admin);
        await store.deleteChannel({ actor: actorOf(caller), id });
        return { body: undefined };
      },
    }),
    defineOperation({
      ...common,
      method: 'post',
      path: '/v1/notifications/{id}/test',
      summary: 'Send a test message now',
      role: 'operator',
      params: ChannelPath,
      status: 200,
      answer: z
        .strictObject({ sent: z.boolean(), problem: z.string().nullable() })
        .openapi('ChannelTest'),
      answerDescription: 'Whether it arrived',
      errors: ['not_found'],
      async handle({ caller, params: { id } }) {
        requireUnscoped(caller.admin);
        const { name } = await require(id);
        const about = { secret: null, environment: null };
        const { id: deliveryId } = await store.enqueueFor({
          channelId: id,
          message: {
            event: 'test',
            subject: id,
            urgency: 'notice',
            alertId: null,
            ...about,
            title: titleOf('test', about),
            summary: `${caller.admin.name} has sent this test by the channel "${name}".`,
            whatToDo: 'Nothing: it arrived.',
            command: 'keyferry notifications list',
            atMs: clock.now(),
          },
        });
        const problem = await notifier.sendNow(deliveryId);
        return { body: { sent: problem === undefined, problem: problem ?? null } };
      },
    }),
  ];
}

function showChannel(channel: Channel, waiting: number): z.input<typeof ChannelSchema> {
  return {
    id: channel.id,
    name: channel.name,
    settings: { ...channel.settings },
    createdAt: toTimestamp(channel.createdAtMs),
    createdBy: channel.createdBy,
    lastSentAt: toTimestampOrNull(channel.lastSentAtMs),
    lastFailedAt: toTimestampOrNull(channel.lastFailedAtMs),
    lastProblem: channel.lastProblem,
    waiting,
  };
}

function showDelivery(delivery: Delivery, channel: string | null): z.input<typeof DeliverySchema> {
  const { id, message, attempts, sentAtMs, failedAtMs, problem } = delivery;
  const waits = sentAtMs === null && failedAtMs === null;
  return {
    id,
    channel,
    event: message.event,
    title: message.title,
    createdAt: toTimestamp(delivery.createdAtMs),
    attempts,
    state: waits ? 'waiting' : sentAtMs === null ? 'given_up' : 'sent',
    nextAttemptAt: waits ? toTimestamp(delivery.nextAttemptAtMs) : null,
    sentAt: toTimestampOrNull(sentAtMs),
    problem,
  };
}

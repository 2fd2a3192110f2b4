import { isIP } from 'node:net';
import { z } from '@hono/zod-openapi';
import {
  type Admin,
  AppError,
  type Client,
  LEAST_REQUESTS_PER_SECOND,
  MOST_REQUESTS,
  type Store,
  type TrafficLimits,
} from '../core/index.js';
import { actorOf } from './actor.js';
import { reachOf } from './client-reach.js';
import type { AdminDependencies } from './dependencies.js';
import { environmentsFilter } from './find-secret.js';
import { futureTime } from './future-time.js';
import { holderName } from './holder-name.js';
import { defineOperation, type Operation } from './operation.js';
import { pageOf, pageParameters } from './query-parameters.js';
import { outsideScope, requireEnvironment } from './scope.js';
import { Timestamp, TimestampInput, toTimestamp, toTimestampOrNull } from './wire-time.js';

const limits = z.strictObject({
  requestsPerSecond: z.number().min(LEAST_REQUESTS_PER_SECOND).max(MOST_REQUESTS).optional(),
  burst: z.int().min(1).max(MOST_REQUESTS).optional().openapi({
    description: 'How many may come at once after a pause; by default what one second allows',
  }),
  concurrentRequests: z.int().min(1).max(MOST_REQUESTS).optional(),
});

const ClientSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    environment: z.string(),
    routes: z.array(z.string()).nullable().openapi({ description: 'null = all' }),
    cidrs: z.array(z.string()).nullable().openapi({ description: 'null = any' }),
    limits: limits.nullable().openapi({
      description:
        'Of its requests on all routes together; null = those that the server gives every client',
    }),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable().openapi({ description: 'null when never' }),
  })
  .openapi('Client');
const NewClientAnswer = z
  .strictObject({
    ...ClientSchema.shape,
    token: z.string().optional().openapi({
      description: 'This once. Left out of a replayed answer.',
      example: 'kfc_…',
    }),
  })
  .openapi('CreatedClient');

const NewClient = z
  .strictObject({
    name: holderName,
    environment: z.string(),
    routes: z
      .array(z.string().min(1).max(128))
      .min(1)
      .max(1000)
      .nullable()
      .optional()
      .openapi({ description: 'Names of the routes it may use; all when left out' }),
    cidrs: z
      .array(z.string().refine(isNetwork, 'expected a network such as 10.0.0.0/8 or an address'))
      .min(1)
      .max(1000)
      .nullable()
      .optional()
      .openapi({ description: 'Networks it may come from; any when left out' }),
    limits: limits.nullable().optional(),
    expiresAt: TimestampInput.nullable().optional(),
  })
  .openapi('NewClient');

const ClientChanges = z.strictObject({ limits: limits.nullable() }).openapi('ClientChanges');

export function clientOperations({ store, tokens, clock }: AdminDependencies): Operation[] {
  const ClientPath = z.strictObject({ id: z.string() });
  return [
    defineOperation({
      method: 'post',
      path: '/v1/clients',
      tag: 'clients',
      summary: 'Create a client: the answer has its token, this once',
      description: 'A token that is limited to a prefix must name routes, all within its scope.',
      role: 'operator',
      body: NewClient,
      example: { name: 'checkout', environment: 'production', routes: ['stripe'] },
      status: 201,
      answer: NewClientAnswer,
      answerDescription: 'The client with its token',
      errors: ['not_found', 'environment_unknown', 'name_taken'],
      changes: true,
      async handle({ caller, body }) {
        const { name, environment } = body;
        const routes = body.routes ?? undefined;
        requireEnvironment(caller.admin, environment);
        const reaches = await reachOf(store, caller.admin);
        if (!reaches({ environment, routes: routes ?? null })) throw beyondRoutes();
        const expiresAtMs = futureTime(body.expiresAt, clock.now());
        const minted = tokens.mint('client');
        const client = await store.createClient({
          actor: actorOf(caller),
          name,
          environment,
          routes,
          cidrs: body.cidrs ?? undefined,
          limits: limitsOf(body.limits) ?? undefined,
          expiresAtMs,
          tokenId: minted.id,
          tokenHash: minted.hash,
        });
        return { body: { ...showClient(client), token: minted.token } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/clients',
      tag: 'clients',
      summary: 'List clients',
      role: 'viewer',
      query: z.strictObject(pageParameters),
      status: 200,
      answer: pageOf(ClientSchema),
      answerDescription: 'One page of clients; revoked ones are among them',
      changes: false,
      async handle({ caller: { admin }, query }) {
        const reaches = await reachOf(store, admin);
        const page = await store.listClients({ ...query, environments: environmentsFilter(admin) });
        const items = page.items.filter(reaches).map(showClient);
        return { body: { items, nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/clients/{id}',
      tag: 'clients',
      summary: 'Show a client',
      role: 'viewer',
      params: ClientPath,
      status: 200,
      answer: ClientSchema,
      answerDescription: 'The client',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, params }) {
        return { body: showClient(await findClient(store, admin, params.id)) };
      },
    }),
    defineOperation({
      method: 'patch',
      path: '/v1/clients/{id}',
      tag: 'clients',
      summary: 'Change the limits of a client: they hold from the next request on',
      role: 'operator',
      params: ClientPath,
      body: ClientChanges,
      example: { limits: { requestsPerSecond: 20, concurrentRequests: 50 } },
      status: 200,
      answer: ClientSchema,
      answerDescription: 'The client as it is now',
      errors: ['not_found', 'conflict'],
      changes: true,
      async handle({ caller, params: { id }, body }) {
        await findClient(store, caller.admin, id);
        const limits = limitsOf(body.limits);
        return {
          body: showClient(await store.updateClient({ actor: actorOf(caller), id, limits })),
        };
      },
    }),
    defineOperation({
      method: 'delete',
      path: '/v1/clients/{id}',
      tag: 'clients',
      summary: 'Revoke a client: its token is refused from the next request on',
      role: 'operator',
      params: ClientPath,
      status: 204,
      answerDescription: 'It is revoked',
      errors: ['not_found'],
      changes: true,
      async handle({ caller, params }) {
        await findClient(store, caller.admin, params.id);
        await store.revokeClient({ actor: actorOf(caller), id: params.id });
        return { body: undefined };
      },
    }),
  ];
}

async function findClient(store: Store, admin: Admin, id: string): Promise<Client> {
  const client = await store.getClient(id);
  if (client === undefined) throw new AppError('not_found', 'There is no client with this id.');
  const reaches = await reachOf(store, admin);
  if (!reaches(client)) throw outsideScope();
  return client;
}

function beyondRoutes(): AppError {
  return new AppError(
    'forbidden',
    'This token is limited to a prefix: name the client\'s "routes", each one applied in its environment and within the prefix.',
  );
}

/** None at all is as good as null. */
function limitsOf(given: TrafficLimits | null | undefined): TrafficLimits | null {
  return given == null || Object.keys(given).length === 0 ? null : given;
}

function isNetwork(text: string): boolean {
  const [address, bits, ...more] = text.split('/');
  const family = isIP(address ?? '');
  if (family === 0 || more.length > 0) return false;
  if (bits === undefined) return true;
  return /^(0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

function showClient(client: Client): z.input<typeof ClientSchema> {
  return {
    id: client.id,
    name: client.name,
    environment: client.environment,
    routes: client.routes === null ? null : [...client.routes],
    cidrs: client.cidrs === null ? null : [...client.cidrs],
    limits: client.limits,
    createdAt: toTimestamp(client.createdAtMs),
    expiresAt: toTimestampOrNull(client.expiresAtMs),
    revokedAt: toTimestampOrNull(client.revokedAtMs),
    lastUsedAt: toTimestampOrNull(client.lastUsedAtMs),
  };
}

import { z } from '@hono/zod-openapi';
import { type Admin, ALERT_KINDS, ALERT_URGENCIES, type Alert, AppError } from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { environmentsFilter, requireSecret } from './find-secret.js';
import { defineOperation, type Operation } from './operation.js';
import { booleanParameter, pageOf, pageParameters } from './query-parameters.js';
import { coversEnvironment, coversSecretName, outsideScope, requireEnvironment } from './scope.js';
import { Timestamp, toTimestamp, toTimestampOrNull } from './wire-time.js';

const AlertSchema = z
  .strictObject({
    id: z.string(),
    kind: z.enum(ALERT_KINDS),
    urgency: z.enum(ALERT_URGENCIES),
    secret: z.string().nullable(),
    environment: z.string().nullable(),
    version: z.int().nullable(),
    route: z.string().nullable(),
    client: z.string().nullable(),
    cutover: z.string().nullable().openapi({ description: 'Id of the cutover' }),
    summary: z.string().openapi({ description: 'What happened' }),
    whatToDo: z.string(),
    command: z.string().openapi({ example: 'keyferry cutover show pay --environment production' }),
    since: Timestamp,
    lastSeenAt: Timestamp,
    count: z.int().openapi({ description: 'How often it was found' }),
    acknowledgedAt: Timestamp.nullable(),
    acknowledgedBy: z.string().nullable(),
    note: z.string().nullable(),
    closedAt: Timestamp.nullable().openapi({ description: 'null while it is open' }),
    closedBecause: z.string().nullable(),
  })
  .openapi('Alert');

const CountsSchema = z
  .strictObject({
    total: z.int(),
    items: z.array(
      z
        .strictObject({
          kind: z.enum(ALERT_KINDS),
          urgency: z.enum(ALERT_URGENCIES),
          count: z.int(),
        })
        .openapi('AlertCount'),
    ),
  })
  .openapi('AlertCounts');

const Acknowledgement = z.strictObject({
  note: z.string().min(1).max(500).optional().openapi({ description: 'Kept with the alert' }),
});

export function alertOperations({ store }: AdminDependencies): Operation[] {
  return [
    defineOperation({
      method: 'get',
      path: '/v1/alerts',
      tag: 'alerts',
      summary: 'List what needs a person, newest first',
      description:
        'A token that is limited to environments or a prefix sees the alerts about these only.',
      role: 'viewer',
      query: z.strictObject({
        kind: z.enum(ALERT_KINDS).optional(),
        urgency: z.enum(ALERT_URGENCIES).optional(),
        open: booleanParameter('Whether its cause goes on, or nobody has looked yet').optional(),
        acknowledged: booleanParameter('Whether somebody has seen it').optional(),
        secret: z.string().optional(),
        environment: z.string().optional(),
        ...pageParameters,
      }),
      status: 200,
      answer: pageOf(AlertSchema),
      answerDescription: 'One page of alerts',
      errors: ['not_found'],
      changes: false,
      async handle({ caller: { admin }, query }) {
        if (query.environment !== undefined) requireEnvironment(admin, query.environment);
        if (query.secret !== undefined) await requireSecret(store, admin, query.secret);
        const page = await store.listAlerts({
          ...query,
          environments: environmentsFilter(admin),
          secretPrefix: admin.secretPrefix ?? undefined,
        });
        return { body: { items: page.items.map(showAlert), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/alerts/counts',
      tag: 'alerts',
      summary: 'Count the open alerts that nobody has acknowledged, the most urgent first',
      role: 'viewer',
      status: 200,
      answer: CountsSchema,
      answerDescription: 'Of those that the token may see',
      changes: false,
      async handle({ caller: { admin } }) {
        const counts = await store.unseenAlertCounts({
          environments: environmentsFilter(admin),
          secretPrefix: admin.secretPrefix ?? undefined,
        });
        const total = counts.reduce((sum, { count }) => sum + count, 0);
        return { body: { total, items: [...counts] } };
      },
    }),
    defineOperation({
      method: 'post',
      path: '/v1/alerts/{id}/acknowledge',
      tag: 'alerts',
      summary: 'Say that somebody has seen it',
      description:
        'One that says what has happened closes; one whose cause goes on closes when that is over.',
      role: 'operator',
      params: z.strictObject({ id: z.string() }),
      body: Acknowledgement,
      status: 200,
      answer: AlertSchema,
      answerDescription: 'The alert',
      errors: ['not_found', 'conflict'],
      changes: false,
      async handle({ caller, params: { id }, body: { note } }) {
        requireVisible(caller.admin, await store.getAlert(id));
        return {
          body: showAlert(await store.acknowledgeAlert({ actor: actorOf(caller), id, note })),
        };
      },
    }),
  ];
}

function requireVisible(admin: Admin, alert: Alert | undefined): void {
  if (alert === undefined) throw new AppError('not_found', 'There is no alert with this id.');
  const { environment, secret } = alert;
  const seesEnvironment =
    environment === null ? admin.environments === null : coversEnvironment(admin, environment);
  const seesSecret =
    secret === null ? admin.secretPrefix === null : coversSecretName(admin, secret);
  if (!seesEnvironment || !seesSecret) throw outsideScope();
}

function showAlert(alert: Alert): z.input<typeof AlertSchema> {
  const { subject: _, sinceMs, lastSeenAtMs, acknowledgedAtMs, closedAtMs, ...shown } = alert;
  return {
    ...shown,
    since: toTimestamp(sinceMs),
    lastSeenAt: toTimestamp(lastSeenAtMs),
    acknowledgedAt: toTimestampOrNull(acknowledgedAtMs),
    closedAt: toTimestampOrNull(closedAtMs),
  };
}

import { z } from '@hono/zod-openapi';
import { type Admin, AppError, type RoutesDocument } from '../core/index.js';
import { actorOf } from './actor.js';
import { shownTo } from './apply-within-scope.js';
import { checkCutover } from './check-cutover.js';
import type { AdminDependencies, RoutesReplacement } from './dependencies.js';
import { requireSecret } from './find-secret.js';
import { NewCutover, settingsOf } from './new-cutover.js';
import { defineOperation, type Operation } from './operation.js';
import { ProblemItem } from './problem-schema.js';
import { namesSecret } from './references-of.js';
import { coversEntry } from './routes-scope.js';
import { isScoped, requireEnvironment } from './scope.js';
import { CutoverDetailSchema, showDetail } from './show-cutover.js';
import { NO_ROUTES } from './show-routes.js';

const replacement = {
  from: z.string().openapi({ example: 'stripe_api_key' }),
  to: z.string().openapi({ example: 'stripe_api_key_v2' }),
  environment: z.string().openapi({ example: 'staging' }),
};
const Replacement = z.strictObject(replacement).openapi('SecretReplacement');
const ReplaceSecret = NewCutover.omit({ toVersion: true })
  .extend(replacement)
  .openapi('ReplaceSecret');
const EXAMPLE = { from: 'stripe_api_key', to: 'stripe_api_key_v2', environment: 'staging' };

const ReplacementPreview = z
  .strictObject({
    revision: z.int().openapi({ description: 'Of the routes that this was made of' }),
    changes: z
      .array(z.strictObject({ path: z.string(), before: z.string(), after: z.string() }))
      .openapi({
        description: 'What requests of the environment find changed; other environments do not',
      }),
    problems: z.array(ProblemItem).openapi({ description: 'Empty = it can begin' }),
  })
  .openapi('SecretReplacementPreview');

export function replaceSecretOperations(dependencies: AdminDependencies): Operation[] {
  const { store, clock, routes } = dependencies;
  const plan = async (admin: Admin, wanted: z.output<typeof Replacement>) => {
    requireEnvironment(admin, wanted.environment);
    for (const name of [wanted.from, wanted.to]) {
      await requireSecret(store, admin, name);
      // Names what is not there, with the nearest spelling.
      await store.listVersions(name, wanted.environment);
    }
    const planned = await routes.planReplacement(wanted);
    const applied = await store.currentRoutes();
    requireCovered(admin, applied?.document ?? NO_ROUTES, wanted);
    return { ...planned, problems: shownTo(isScoped(admin), problemsOf(planned, wanted)) };
  };
  return [
    defineOperation({
      method: 'post',
      path: '/v1/routes/replace-secret/preview',
      tag: 'routes',
      summary: 'Show what another secret in the place of one would change in the routes',
      role: 'viewer',
      body: Replacement,
      example: EXAMPLE,
      status: 200,
      answer: ReplacementPreview,
      answerDescription: 'The changes and what speaks against them; nothing was changed',
      errors: ['not_found', 'environment_unknown'],
      changes: false,
      async handle({ caller, body }) {
        const { revision, changes, problems } = await plan(caller.admin, body);
        return { body: { revision, changes: [...changes], problems: [...problems] } };
      },
    }),
    defineOperation({
      method: 'post',
      path: '/v1/routes/replace-secret',
      tag: 'routes',
      summary: 'Put another secret in the place of one, in one environment',
      description:
        'Begins a cutover by name, judged by live traffic. When the new secret is current, the next revision of the routes names it in this environment; a rollback takes that back. Where a file holds the routes, the cutover waits until the file names it.',
      role: 'operator',
      body: ReplaceSecret,
      example: EXAMPLE,
      status: 201,
      answer: CutoverDetailSchema,
      answerDescription: 'The cutover',
      errors: [
        'not_found',
        'environment_unknown',
        'conflict',
        'version_unusable',
        'routes_invalid',
      ],
      changes: true,
      async handle({ caller, body }) {
        const { from: secret, to: toSecret, environment, ...given } = body;
        const { problems } = await plan(caller.admin, body);
        const [problem] = problems;
        if (problem !== undefined) {
          const detail = `${problem.path}: ${problem.message}. Nothing was changed.`;
          throw new AppError('routes_invalid', detail, { problems });
        }
        const settings = settingsOf(given);
        const target = { secret, environment, toVersion: null };
        await checkCutover(store, caller.admin, { ...target, ...settings });
        const actor = actorOf(caller);
        const started = await store.startCutover({ ...target, actor, toSecret, settings });
        return {
          body: showDetail(started, await store.observationsOf(started.id), clock.now()),
        };
      },
    }),
  ];
}

function problemsOf(
  { changes, pinned, problems, named }: RoutesReplacement,
  { from, to, environment }: z.output<typeof Replacement>,
) {
  if (from === to) return [{ path: 'to', message: 'it is the same secret' }];
  const found = [...pinned, ...problems];
  for (const path of named) {
    const message = `it names "${to}" in ${environment} already, so nobody could tell its requests from those that move there: change it by hand first`;
    found.push({ path, message });
  }
  if (changes.length > 0 || pinned.length > 0) return found;
  return [...found, { path: 'from', message: `no route names "${from}" in ${environment}` }];
}

/** Throws `forbidden` where the secret is named by a route that a limited token does not reach. */
function requireCovered(
  admin: Admin,
  { routes }: RoutesDocument,
  { from, environment }: z.output<typeof Replacement>,
): void {
  const outside = routes.some(
    (route) => namesSecret(route, environment, from) && !coversEntry(admin, route, environment),
  );
  if (!outside) return;
  throw new AppError(
    'forbidden',
    `A route names "${from}" in ${environment} beside secrets outside what this token is limited to.`,
  );
}

import { Option } from 'commander';
import type { SecretAnswer, VersionAnswer } from '../core/index.js';
import { segment } from './api-client.js';
import { addCommand, type Registry, type Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { findFamilies, type SecretFamily } from './find-families.js';
import { copyNote, type MergePlan, planMerge, replacementsOf } from './plan-merge.js';
import type { EditedRoutes } from './ports.js';
import { printRouteChange } from './print-route-change.js';
import { openRoutesInUse, type RoutesInUse, useRoutes } from './routes-in-use.js';
import { versionsPath } from './send-value.js';

interface MergeOptions extends ConfirmOptions {
  readonly name?: string;
  readonly file?: string;
  readonly dryRun?: boolean;
}

/** `keyferry secrets merge-environments`: one secret with environments of several named after them. */
export function addMergeEnvironments(noun: Registry): void {
  addCommand<MergeOptions>(noun, {
    usage: 'merge-environments',
    summary: 'make one secret of those whose names differ in an environment only',
    example: 'secrets merge-environments --name stripe_api_key --dry-run',
    notes: [
      'stripe_production_api_key and stripe_staging_api_key become stripe_api_key, and the routes name that.',
      'Values are copied within the server. The old secrets stay until they are deleted.',
    ],
    options: [
      new Option('--name <name>', 'only those that become this one'),
      new Option('--file <file>', 'where the routes file of the server is on this machine'),
      new Option('--dry-run', 'show what would be done, and change nothing'),
      yesOption(),
    ],
    act: merge,
  });
}

interface Prepared {
  readonly plans: readonly MergePlan[];
  readonly families: readonly SecretFamily[];
  readonly routes: RoutesInUse;
}

async function merge(session: Session, options: MergeOptions): Promise<ExitCode> {
  const { terminal, json } = session;
  const { plans, families, routes } = await prepare(session, options);
  const ready = plans.filter(({ conflicts, done }) => conflicts.length === 0 && !done);
  const refused = plans.filter(({ conflicts }) => conflicts.length > 0);
  if (!json) for (const plan of plans) printPlan(session, plan);
  if (options.dryRun === true || ready.length === 0) {
    if (json) terminal.json({ plans, merged: [], revision: null });
    if (refused.length === 0 || options.dryRun === true) return 0;
    throw new CommandFailure('nothing was merged: see the conflicts above', { exitCode: 2 });
  }
  const names = ready.map(({ name }) => name).join(', ');
  await confirm(session, options, `Merge into ${names} and change the routes?`);
  for (const plan of ready) await copyValues(session, plan);
  for (const plan of ready) await requireSameVersions(session, plan);
  const chosen = families.filter(({ name }) => ready.some((plan) => plan.name === name));
  const revision = await rewriteRoutes(session, options, chosen, routes);
  for (const plan of ready) await requireSameVersions(session, plan);
  if (json) {
    terminal.json({ plans, merged: ready.map(({ name }) => name), revision });
  } else {
    for (const { name, members } of ready) {
      terminal.print(`✓ ${name}: ${members.map(({ environment }) => environment).join(', ')}.`);
    }
    if (revision !== null) terminal.print(`Revision ${revision} of the routes is in use.`);
    const [first] = ready.flatMap(({ members }) => members);
    terminal.hint(
      `The old ones stay; 48 hours after its last use each can go: keyferry secrets delete ${first?.secret ?? 'NAME'}`,
    );
  }
  return refused.length === 0 ? 0 : 2;
}

async function prepare(session: Session, options: MergeOptions): Promise<Prepared> {
  const api = session.api();
  const [listed, environments] = await Promise.all([
    api.listPaged<SecretAnswer>('/v1/secrets'),
    api.list<{ readonly name: string }>('/v1/environments'),
  ]);
  const secrets = new Map(listed.map((secret) => [secret.name, secret]));
  const all = findFamilies(
    [...secrets.keys()],
    environments.map(({ name }) => name),
  );
  const { name } = options;
  const families = name === undefined ? all : all.filter((family) => family.name === name);
  if (families.length === 0) {
    throw new CommandFailure(
      name === undefined
        ? 'no two secrets have names that differ in an environment only'
        : `no two secrets become ${name} without the environment in their names`,
      { hints: ['See: keyferry secrets list; keyferry environments list'] },
    );
  }
  const fits = new Map<string, string[]>();
  for (const family of families) {
    for (const { secret } of family.members) {
      fits.set(secret, [...(fits.get(secret) ?? []), family.name]);
    }
  }
  const routes = await openRoutesInUse(session, options.file);
  const plans: MergePlan[] = [];
  for (const family of families) {
    const present = await currentVersions(session, secrets.get(family.name));
    const edited = await edit(session, routes, [family]);
    plans.push(planMerge(family, { secrets, present, families: fits, edited }));
  }
  return { plans, families, routes };
}

function edit(
  { ports }: Session,
  { text, file }: RoutesInUse,
  families: readonly SecretFamily[],
): Promise<EditedRoutes> {
  return ports.replaceSecrets(text, file ?? 'the routes', families.flatMap(replacementsOf));
}

async function currentVersions(
  session: Session,
  secret: SecretAnswer | undefined,
): Promise<ReadonlyMap<string, VersionAnswer>> {
  const found = new Map<string, VersionAnswer>();
  for (const { environment, currentVersion } of secret?.environments ?? []) {
    if (secret === undefined || currentVersion === null) continue;
    const path = `${versionsPath(secret.name, environment)}/${currentVersion}`;
    found.set(environment, await session.api().get<VersionAnswer>(path));
  }
  return found;
}

/** Makes the new secret and its versions, as far as an earlier merge has not. Nothing uses them yet. */
async function copyValues(session: Session, plan: MergePlan): Promise<void> {
  const api = session.api();
  const { name, members, attributes } = plan;
  const there = (await api.listPaged<SecretAnswer>('/v1/secrets')).find((it) => it.name === name);
  if (there === undefined) await api.post('/v1/secrets', { name, ...attributes });
  for (const { secret, environment, version } of members) {
    if (version === null) continue;
    const before = there?.environments.find((it) => it.environment === environment);
    if (before !== undefined && before.versions > 0) continue;
    const made = await api.post<VersionAnswer>(versionsPath(name, environment), {
      copyFrom: { secret, environment, version },
      note: copyNote(secret, version),
    });
    if (made.state === 'current') continue;
    throw new CommandFailure(`${name} got another value in ${environment} meanwhile`, {
      hints: ['No route was changed. Look at it: keyferry secrets show NAME'],
    });
  }
}

/** A value that was activated while this ran would be left behind. */
async function requireSameVersions(session: Session, { members }: MergePlan): Promise<void> {
  for (const { secret, environment, version } of members) {
    const shown = await session.api().get<SecretAnswer>(`/v1/secrets/${segment(secret)}`);
    const now = shown.environments.find((it) => it.environment === environment);
    if (now?.currentVersion === version) continue;
    throw new CommandFailure(
      `version ${now?.currentVersion ?? '–'} of ${secret} became current while ${version ?? '–'} was copied`,
      { hints: [`Take it along: keyferry versions add, for the merged secret in ${environment}`] },
    );
  }
}

/** All of them in one revision. Null where no route names any. */
async function rewriteRoutes(
  session: Session,
  options: MergeOptions,
  families: readonly SecretFamily[],
  before: RoutesInUse,
): Promise<number | null> {
  let routes = before;
  for (let attempt = 1; ; attempt++) {
    const edited = await edit(session, routes, families);
    if (edited.text === routes.text) return null;
    try {
      return await useRoutes(session, routes, edited);
    } catch (error) {
      const isLate = error instanceof CommandFailure && error.code === 'precondition_failed';
      if (!isLate || attempt === MOST_ATTEMPTS) throw error;
      routes = await openRoutesInUse(session, options.file);
    }
  }
}

/** Somebody else may apply routes meanwhile; not that often. */
const MOST_ATTEMPTS = 5;

function printPlan({ terminal }: Session, plan: MergePlan): void {
  const { paint } = terminal;
  terminal.print(plan.name, paint.bold);
  for (const { secret, environment, version } of plan.members) {
    terminal.print(`  ${environment}: ${secret}${version === null ? '' : `@${version}`}`);
  }
  if (plan.done) terminal.print('  merged already: only the old secrets are left');
  for (const change of plan.routes) printRouteChange(terminal, change);
  for (const note of plan.notes) terminal.print(`  note: ${note}`);
  for (const conflict of plan.conflicts) terminal.print(`  conflict: ${conflict}`, paint.red);
}

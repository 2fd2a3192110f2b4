import { Option } from 'commander';
import {
  type GivenValue,
  SECRET_SORTS,
  type SecretAnswer,
  type SecretSort,
  SORT_ORDERS,
  type SortOrder,
  type VersionAnswer,
} from '../core/index.js';
import { type ApiClient, segment } from './api-client.js';
import { addCommand, addNoun, type Registry, type Session, wholeNumber } from './command.js';
import { CommandFailure } from './command-failure.js';
import { confirmAndForce, type ForceOptions, forceOptions, yesOption } from './confirm.js';
import { describeAgo, describeUntil } from './describe-time.js';
import { howToUse } from './how-to-use.js';
import { addMergeEnvironments } from './merge-environments.js';
import { readValue, type ValueOptions } from './read-value.js';
import {
  type AttributeOptions,
  attributeOptions,
  attributesOf,
  type GivenAttributes,
} from './secret-attributes.js';
import { MARKS } from './secret-status.js';
import { sendValue } from './send-value.js';
import { showSecret } from './show-secret.js';
import { VALUE_NOTES, valueOptions } from './value-options.js';

/** Each that is late is one that somebody else has changed something in. */
const MOST_ATTEMPTS = 10;

interface CreateOptions extends ValueOptions, AttributeOptions {
  readonly environment?: string;
}

interface ListOptions {
  readonly search?: string;
  readonly environment?: string;
  readonly unusedForDays?: number;
  readonly olderThanDays?: number;
  readonly withoutRoutes?: boolean;
  readonly missingValue?: boolean;
  readonly old?: boolean;
  readonly overdue?: boolean;
  readonly expiringWithinDays?: number;
  readonly label?: string;
  readonly sort?: SecretSort;
  readonly order?: SortOrder;
}

/** `keyferry secrets create|list|show|update|delete|merge-environments`. */
export function addSecrets(registry: Registry): void {
  const noun = addNoun(registry, 'secrets', 'create, list, show, update and delete secrets');
  addCommand<CreateOptions>(noun, {
    usage: 'create <name>',
    summary: 'create a secret; with --environment also its first value',
    example: 'secrets create stripe_api_key --environment production --value-file key.txt',
    notes: VALUE_NOTES,
    options: [
      new Option('-e, --environment <name>', 'take the first value, for this environment'),
      ...valueOptions(),
      ...attributeOptions(),
    ],
    act: create,
  });
  addCommand<ListOptions>(noun, {
    usage: 'list',
    summary: 'list secrets',
    example: 'secrets list --old --sort nextRotation',
    options: [
      new Option('--search <words>', 'with each word in its name, description or owner'),
      new Option('-e, --environment <name>', 'only with a version in this environment'),
      wholeNumber('--unused-for-days <days>', 'not used for so many days, or never'),
      wholeNumber('--older-than-days <days>', 'with a current version at least so old'),
      new Option('--without-routes', 'named by no route'),
      new Option(
        '--missing-value',
        'without a current version in an environment where others have one',
      ),
      new Option('--old', 'with a current version that is ageing or overdue'),
      new Option('--overdue', 'with a current version older than it may be, or expired'),
      wholeNumber('--expiring-within-days <days>', 'with a current version that ends by then'),
      new Option('--label <name=value>', 'with this label (name alone: any value)'),
      new Option('--sort <by>', 'by name unless said otherwise').choices(SECRET_SORTS),
      new Option('--order <order>', 'asc unless said otherwise').choices(SORT_ORDERS),
    ],
    act: list,
  });
  addCommand(noun, {
    usage: 'show <name>',
    summary: 'show a secret, its versions and where it is used (never its value)',
    example: 'secrets show stripe_api_key',
    act: (session, _options, name) => showSecret(session, name),
  });
  addCommand<AttributeOptions>(noun, {
    usage: 'update <name>',
    summary: 'change what is said about a secret (its values cannot be changed)',
    example: 'secrets update stripe_api_key --owner payments --rotate-every-days 60',
    options: attributeOptions(),
    act: update,
  });
  addCommand<ForceOptions>(noun, {
    usage: 'delete <name>',
    summary: 'delete a secret with all its versions',
    example: 'secrets delete old_api_key',
    options: [yesOption(), ...forceOptions()],
    async act(session, options, name) {
      const question = `Delete the secret ${name} and all its versions?`;
      await confirmAndForce(session, options, question, (force) =>
        session.api().delete(`/v1/secrets/${segment(name)}`, { ...force }),
      );
      if (session.json) return session.terminal.json({ name, deleted: true });
      session.terminal.print(`Deleted secret ${name}.`);
    },
  });
  addMergeEnvironments(noun);
}

async function create(session: Session, options: CreateOptions, name: string): Promise<void> {
  const { terminal, json } = session;
  const api = session.api();
  const attributes = attributesOf(options);
  if (attributes.labels !== undefined) attributes.labels = withoutNull(attributes.labels);
  const { environment } = options;
  if (environment === undefined) {
    if ([options.valueFile, options.fields, options.field].some((it) => it !== undefined)) {
      throw new CommandFailure('a value belongs to an environment: give --environment NAME', {
        hints: [`For example: keyferry secrets create ${name} --environment production`],
      });
    }
    const secret = await api.post<SecretAnswer>('/v1/secrets', { name, ...attributes });
    if (json) return terminal.json(secret);
    terminal.print(`Created secret ${name}. It has no value yet.`);
    return terminal.hint(`Add one: keyferry versions add ${name} --environment production`);
  }
  // Ask the server before the person: a misspelt environment must not cost a pasted value.
  await api.get('/v1/secrets', { environment, limit: 1 });
  const given = await readValue(options, `${name} in ${environment}`, terminal);
  const secret = await api.post<SecretAnswer>('/v1/secrets', { name, ...attributes });
  const version = await addFirstVersion(api, name, environment, given);
  if (json) return terminal.json({ ...secret, version });
  terminal.print(`Created secret ${name} with version ${version.version} in ${environment}.`);
  terminal.hint(howToUse(templateName(name, given), environment));
}

/** Takes the new secret away again when its value is refused, so that nothing is half done. */
async function addFirstVersion(
  api: ApiClient,
  secret: string,
  environment: string,
  given: GivenValue,
): Promise<VersionAnswer> {
  try {
    return await sendValue(api, { secret, environment }, given);
  } catch (error) {
    await api.delete(`/v1/secrets/${segment(secret)}`).catch(() => undefined);
    throw error;
  }
}

function templateName(name: string, given: GivenValue): string {
  if (given.type === 'single') return name;
  return `${name}.${[...given.fields.keys()][0] ?? ''}`;
}

async function list({ api, json, terminal, nowMs }: Session, options: ListOptions): Promise<void> {
  const items = await api().listPaged<SecretAnswer>('/v1/secrets', { ...options });
  if (json) return terminal.json({ items });
  if (items.length === 0) {
    const filtered = Object.keys(options).length > 0;
    if (filtered) return terminal.print('No secret fits.');
    terminal.print('No secrets.');
    return terminal.hint('Create one: keyferry secrets create NAME --environment production');
  }
  terminal.table(
    [
      { title: 'SECRET', shrinks: true },
      { title: 'KIND' },
      { title: 'OWNER', shrinks: true },
      { title: 'CURRENT', shrinks: true },
      { title: 'MARK' },
      { title: 'ROUTES', shrinks: true },
      { title: 'LAST USED', align: 'right' },
      { title: 'NEXT ROTATION', align: 'right' },
    ],
    items.map((secret) => [
      secret.name,
      secret.criticality === 'critical' ? `${secret.kind}, critical` : secret.kind,
      secret.owner ?? '–',
      secret.environments.map((it) => `${it.environment}@${it.currentVersion ?? '–'}`).join(', ') ||
        '–',
      MARKS[secret.mark ?? 'missing'],
      secret.routes.join(', ') || '–',
      describeAgo(secret.lastUsedAt, nowMs),
      secret.nextRotationAt === null
        ? '–'
        : describeUntil(Date.parse(secret.nextRotationAt), nowMs),
    ]),
  );
}

async function update(session: Session, options: AttributeOptions, name: string): Promise<void> {
  const api = session.api();
  const path = `/v1/secrets/${segment(name)}`;
  const changes = attributesOf(options);
  if (Object.keys(changes).length === 0) {
    throw new CommandFailure('nothing to change: give at least one option', {
      hints: ['A value cannot be changed; add the next one with: keyferry versions add'],
    });
  }
  const { labels } = changes;
  const secret =
    labels === undefined
      ? await api.patch<SecretAnswer>(path, changes)
      : await changeLabels(api, path, { ...changes, labels });
  if (session.json) return session.terminal.json(secret);
  session.terminal.print(`Updated secret ${name}: ${Object.keys(changes).join(', ')}.`);
}

/** A label is added to those that are there, also to one that somebody adds at the same time. */
async function changeLabels(
  api: ApiClient,
  path: string,
  changes: Required<GivenAttributes>,
): Promise<SecretAnswer> {
  for (let attempt = 1; ; attempt++) {
    const { body, tag } = await api.getTagged<SecretAnswer>(path);
    const labels = withoutNull({ ...body.labels, ...changes.labels });
    const headers = { 'if-match': tag };
    try {
      return await api.patch<SecretAnswer>(path, { ...changes, labels }, { headers });
    } catch (error) {
      const isLate = error instanceof CommandFailure && error.code === 'precondition_failed';
      if (!isLate || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

/** The labels that stay: a null one is to be taken away. */
function withoutNull(labels: Record<string, string | null>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== null));
}

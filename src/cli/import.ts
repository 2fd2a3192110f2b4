import { Option } from 'commander';
import type { ImportedSource, Problem } from '../core/index.js';
import { addCommand, addNoun, type Registry, type Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { type NamedEntry, nameEntries } from './import-name.js';
import {
  type AwsOptions,
  awsLocation,
  type VaultOptions,
  vaultLocation,
} from './import-sources.js';
import { type PlannedValue, planImport } from './plan-import.js';
import { readTextFile } from './read-text-file.js';
import { type ImportedValue, uploadImport } from './upload-import.js';

interface ImportOptions extends ConfirmOptions {
  readonly environment?: string;
  readonly keepNames?: boolean;
  readonly prefixNames?: string;
  readonly map?: string;
  readonly partial?: boolean;
  readonly dryRun?: boolean;
}

const IMPORT_OPTIONS = (): Option[] => [
  new Option('--keep-names', 'take names as the source spells them, not in lower case with "_"'),
  new Option('--prefix-names <text>', 'put this in front of every name'),
  new Option('--map <file>', 'JSON file {"NAME THERE": "name_here"}; null leaves one out'),
  new Option('--partial', 'import the rest where something cannot be read'),
  new Option('--dry-run', 'show what would be done, and do nothing'),
  yesOption(),
];
const intoEnvironment = (): Option =>
  new Option('-e, --environment <name>', 'the environment of all values').makeOptionMandatory();
const NOTES = [
  'It first shows what it will do, by name and size: never a value. A secret that has a value in the environment gets',
  'a staged version; nothing is overwritten. Run it again after a failure: what is there already adds nothing.',
];

/** `keyferry import env|json|vault|aws-secrets-manager`. */
export function addImport(registry: Registry): void {
  const noun = addNoun(registry, 'import', 'bring secrets from files and other stores');
  addCommand<ImportOptions>(noun, {
    usage: 'env <file>',
    summary: 'import a .env file ("-" for standard input)',
    example: 'import env .env.production --environment production',
    notes: NOTES,
    options: [intoEnvironment(), ...IMPORT_OPTIONS()],
    act: (session, options, file) =>
      runImport(session, options, 'a .env file', async () =>
        session.ports.import.envFile(await readTextFile(file, 'the .env file', session.terminal)),
      ),
  });
  addCommand<ImportOptions>(noun, {
    usage: 'json <file>',
    summary: 'import a JSON file: {"NAME": value}, or {"NAME": {"ENVIRONMENT": value}}',
    example: 'import json secrets.json --dry-run',
    notes: [
      'With --environment it is {"NAME": value}, without {"NAME": {"ENVIRONMENT": value}}. A value that is an object of',
      'texts has fields.',
      ...NOTES,
    ],
    options: [
      new Option('-e, --environment <name>', 'the environment of all values'),
      ...IMPORT_OPTIONS(),
    ],
    act: (session, options, file) =>
      runImport(session, options, 'a JSON file', async () =>
        session.ports.import.jsonFile(
          await readTextFile(file, 'the JSON file', session.terminal),
          options.environment === undefined,
        ),
      ),
  });
  addCommand<ImportOptions & VaultOptions>(noun, {
    usage: 'vault',
    summary: 'import from HashiCorp Vault, KV version 2: a secret, or a folder of them',
    example: 'import vault --path apps/shop --environment production --dry-run',
    notes: [
      'The token comes from VAULT_TOKEN or the file of VAULT_TOKEN_FILE. A secret of several keys has fields.',
      ...NOTES,
    ],
    options: [
      intoEnvironment(),
      new Option('--address <url>', 'where Vault is (VAULT_ADDR)'),
      new Option('--mount <path>', 'where the engine is mounted').default('secret'),
      new Option('--path <path>', 'a secret or a folder; all of the mount without'),
      new Option('--namespace <name>', 'the namespace (VAULT_NAMESPACE)'),
      new Option('--ca-file <file>', 'PEM certificates to trust (VAULT_CACERT)'),
      ...IMPORT_OPTIONS(),
    ],
    act: (session, options) =>
      runImport(session, options, 'Vault', async () =>
        session.ports.import.vault(await vaultLocation(options, session)),
      ),
  });
  addCommand<ImportOptions & AwsOptions>(noun, {
    usage: 'aws-secrets-manager',
    summary: 'import from AWS Secrets Manager',
    example:
      'import aws-secrets-manager --region eu-west-1 --prefix shop/ --environment production',
    notes: [
      'The key pair comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; it needs',
      'secretsmanager:ListSecrets and secretsmanager:GetSecretValue. A secret that is a JSON object has fields.',
      ...NOTES,
    ],
    options: [
      intoEnvironment(),
      new Option('--region <name>', 'the region (AWS_REGION, AWS_DEFAULT_REGION)'),
      new Option('--endpoint <url>', 'another address (AWS_ENDPOINT_URL_SECRETS_MANAGER)'),
      new Option('--prefix <text>', 'only secrets whose name begins so'),
      new Option('--ca-file <file>', 'PEM certificates to trust (AWS_CA_BUNDLE)'),
      ...IMPORT_OPTIONS(),
    ],
    act: (session, options) =>
      runImport(session, options, 'AWS Secrets Manager', async () =>
        session.ports.import.awsSecrets(await awsLocation(options, session)),
      ),
  });
}

async function runImport(
  session: Session,
  options: ImportOptions,
  source: string,
  read: () => Promise<ImportedSource>,
): Promise<void> {
  const { terminal, json } = session;
  const api = session.api();
  const naming = {
    keepNames: options.keepNames === true,
    prefix: options.prefixNames ?? '',
    map: await readMap(options.map, session),
  };
  const declared = await api.list<{ readonly name: string }>('/v1/environments');
  const { entries, problems, notices } = await read();
  const { named, problems: unnamed } = nameEntries(entries, options.environment, naming);
  const undeclared = undeclaredEnvironments(named, declared);
  const known = named.filter(({ environment }) => !undeclared.has(environment));
  const plan = await planImport(api, known);
  const found = [...problems, ...unnamed, ...undeclared.values(), ...tooLarge(plan)];
  const wanted = plan.filter(({ action }) => action !== 'too large');
  const isRefused = found.length > 0 && options.partial !== true;
  if (!json) {
    for (const { path, message } of notices) terminal.warn(`${path} ${message}`);
    if (wanted.length > 0) showPlan(session, wanted);
    if (!isRefused) for (const { path, message } of found) terminal.warn(`${path} ${message}`);
  }
  if (isRefused) throw refusal(source, found);
  if (options.dryRun === true || wanted.length === 0) {
    if (json) return terminal.json({ items: wanted.map(describe), problems: found, notices });
    return terminal.print(
      wanted.length === 0
        ? `${source} holds nothing to import.`
        : 'Nothing was imported: --dry-run.',
    );
  }
  await confirm(session, options, `Import ${countOf(wanted.length)} from ${source}?`);
  const done: ImportedValue[] = [];
  try {
    await uploadImport(api, wanted, source, (value) => done.push(value));
  } catch (error) {
    throw broken(error, done.length, wanted.length);
  }
  if (json) return terminal.json({ items: done, problems: found, notices });
  showDone(session, done);
}

async function readMap(
  file: string | undefined,
  { terminal }: Session,
): Promise<ReadonlyMap<string, string | null>> {
  if (file === undefined) return new Map();
  let map: unknown;
  try {
    map = JSON.parse(await readTextFile(file, 'the file of --map', terminal));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    map = undefined;
  }
  const entries =
    typeof map === 'object' && map !== null && !Array.isArray(map) ? Object.entries(map) : [];
  if (entries.length === 0 || entries.some(([, to]) => to !== null && typeof to !== 'string')) {
    throw new CommandFailure(
      'the file of --map is no JSON object {"NAME THERE": "name_here", "OTHER": null}',
    );
  }
  return new Map(entries as [string, string | null][]);
}

function undeclaredEnvironments(
  named: readonly NamedEntry[],
  declared: readonly { readonly name: string }[],
): ReadonlyMap<string, Problem> {
  const names = new Set(declared.map(({ name }) => name));
  const found = new Map<string, Problem>();
  for (const { environment, entry } of named) {
    if (names.has(environment) || found.has(environment)) continue;
    const message = `is for an environment that is not declared; declared are ${[...names].join(', ')}`;
    found.set(environment, { path: entry.place, message });
  }
  return found;
}

function tooLarge(plan: readonly PlannedValue[]): Problem[] {
  return plan
    .filter(({ action }) => action === 'too large')
    .map(({ entry }) => ({ path: entry.place, message: 'is larger than 64 KiB' }));
}

function refusal(source: string, problems: readonly Problem[]): CommandFailure {
  return new CommandFailure(`${source} cannot be imported as it is: nothing was imported`, {
    problems,
    hints: ['Mend it, leave entries out with --map FILE, or import the rest with --partial.'],
  });
}

function broken(error: unknown, done: number, all: number): unknown {
  if (!(error instanceof CommandFailure)) return error;
  const { message, exitCode, code, problems, hints } = error;
  return new CommandFailure(message, {
    exitCode,
    code,
    problems,
    hints: [
      ...hints,
      `${done} of ${all} were imported. Run it again: what is there already adds nothing.`,
    ],
  });
}

function describe({ name, environment, entry, bytes, action }: PlannedValue) {
  const fields = entry.value.type === 'fields' ? [...entry.value.fields.keys()] : [];
  return { name, environment, from: entry.place, bytes, fields, action };
}

function showPlan({ terminal }: Session, plan: readonly PlannedValue[]): void {
  const rows = plan.map(({ name, environment, entry, bytes, action }) => [
    name,
    environment,
    entry.place,
    entry.value.type === 'single' ? `${bytes} B` : `${bytes} B, ${entry.value.fields.size} fields`,
    action,
  ]);
  terminal.table(
    [
      { title: 'SECRET', shrinks: true },
      { title: 'ENVIRONMENT' },
      { title: 'FROM', shrinks: true },
      { title: 'SIZE' },
      { title: 'BECOMES' },
    ],
    rows,
  );
}

function showDone({ terminal }: Session, done: readonly ImportedValue[]): void {
  const staged = done.filter(({ state }) => state === 'staged');
  const same = done.filter(({ state }) => state === 'unchanged').length;
  terminal.print(`Imported ${countOf(done.length - same)}.`);
  if (same > 0) terminal.print(`${countOf(same)} held the same already.`);
  const [first] = staged;
  if (first === undefined) return;
  terminal.hint(
    `Staged versions carry no request yet: keyferry versions list ${first.name} --environment ${first.environment}`,
  );
}

function countOf(count: number): string {
  return count === 1 ? '1 value' : `${count} values`;
}

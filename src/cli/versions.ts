import { Option } from 'commander';
import type { SecretAnswer, SecretEnvironmentAnswer, VersionAnswer } from '../core/index.js';
import { type ApiClient, segment } from './api-client.js';
import {
  addCommand,
  addNoun,
  environmentOption,
  parseWholeNumber,
  type Registry,
  type Session,
} from './command.js';
import { confirmAndForce, type ForceOptions, forceOptions, yesOption } from './confirm.js';
import { parseMoment } from './describe-time.js';
import { howToUse } from './how-to-use.js';
import { readValue, type ValueOptions } from './read-value.js';
import { sendValue, versionsPath } from './send-value.js';
import { printVersions } from './show-secret.js';
import { addTestVersion } from './test-version.js';
import { VALUE_NOTES, valueOptions } from './value-options.js';

interface EnvironmentOptions {
  readonly environment: string;
}

interface AddOptions extends EnvironmentOptions, ValueOptions {
  readonly expires?: string;
  readonly note?: string;
}

/** `keyferry versions add|list|test|activate|revoke|destroy`. */
export function addVersions(registry: Registry): void {
  const noun = addNoun(registry, 'versions', 'add values and say which one is in use');
  addCommand<AddOptions>(noun, {
    usage: 'add <secret>',
    summary:
      'add the next value: the first of an environment is current at once, a later one staged',
    example: 'versions add stripe_api_key --environment production < new-key.txt',
    notes: VALUE_NOTES,
    options: [
      environmentOption(),
      ...valueOptions(),
      new Option('--expires <when>', 'when it ends: 90d, or 2027-01-31T00:00:00Z'),
      new Option('--note <text>', 'a note for the list of versions'),
    ],
    act: add,
  });
  addCommand<EnvironmentOptions>(noun, {
    usage: 'list <secret>',
    summary: 'list the versions of a secret in an environment',
    example: 'versions list stripe_api_key --environment production',
    options: [environmentOption()],
    act: list,
  });
  addTestVersion(noun);
  addCommand<EnvironmentOptions>(noun, {
    usage: 'activate <secret> <version>',
    summary: 'make a version the one that requests carry',
    example: 'versions activate stripe_api_key 2 --environment production',
    options: [environmentOption()],
    act: activate,
  });
  addCommand<EnvironmentOptions & ForceOptions>(noun, {
    usage: 'revoke <secret> <version>',
    summary: 'take a version out of use for good',
    example: 'versions revoke stripe_api_key 1 --environment production',
    options: [environmentOption(), yesOption(), ...forceOptions()],
    async act(session, options, secret, text) {
      const version = parseWholeNumber(text, 'the version');
      const subject = `version ${version} of ${secret} in ${options.environment}`;
      const path = `${versionsPath(secret, options.environment)}/${version}/revoke`;
      const answer = await confirmAndForce(session, options, `Revoke ${subject}?`, (force) =>
        session.api().post<VersionAnswer>(path, force),
      );
      if (session.json) return session.terminal.json(answer);
      session.terminal.print(`Revoked ${subject}.`);
      if (await warnWithoutCurrent(session, secret, options.environment)) return;
      session.terminal.hint(
        `Erase its value too: keyferry versions destroy ${secret} ${version} --environment ${options.environment}`,
      );
    },
  });
  addCommand<EnvironmentOptions & ForceOptions>(noun, {
    usage: 'destroy <secret> <version>',
    summary: 'erase the value of a version for ever (its row stays)',
    example: 'versions destroy stripe_api_key 1 --environment production',
    options: [environmentOption(), yesOption(), ...forceOptions()],
    async act(session, options, secret, text) {
      const version = parseWholeNumber(text, 'the version');
      const subject = `version ${version} of ${secret} in ${options.environment}`;
      const path = `${versionsPath(secret, options.environment)}/${version}`;
      const question = `Destroy ${subject}? Its value cannot be had back.`;
      const answer = await confirmAndForce(session, options, question, (force) =>
        session.api().delete<VersionAnswer>(path, { ...force }),
      );
      if (session.json) return session.terminal.json(answer);
      session.terminal.print(`Destroyed ${subject}.`);
      await warnWithoutCurrent(session, secret, options.environment);
    },
  });
}

/** After a forced end of the current version, requests fail until another one is: that comes first. */
async function warnWithoutCurrent(
  { api, terminal }: Session,
  secret: string,
  environment: string,
): Promise<boolean> {
  const held = await findHeld(api(), secret, environment);
  if (held === undefined || held.currentVersion !== null) return false;
  terminal.warn(`no version of ${secret} is current in ${environment}: requests that need it fail`);
  const usable = held.stagedVersions.at(-1) ?? held.previousVersion;
  terminal.hint(
    usable === null
      ? `Add the next one, then activate it: keyferry versions add ${secret} --environment ${environment}`
      : `Put one to use: keyferry versions activate ${secret} ${usable} --environment ${environment}`,
  );
  return true;
}

/** What the secret holds in the environment. */
async function findHeld(
  api: ApiClient,
  secret: string,
  environment: string,
): Promise<SecretEnvironmentAnswer | undefined> {
  const { environments } = await api.get<SecretAnswer>(`/v1/secrets/${segment(secret)}`);
  return environments.find((held) => held.environment === environment);
}

async function add(session: Session, options: AddOptions, secret: string): Promise<void> {
  const { terminal, json, nowMs } = session;
  const api = session.api();
  const { environment } = options;
  const expiresAt =
    options.expires === undefined
      ? undefined
      : parseMoment(options.expires, '--expires', 'future', nowMs);
  // Ask the server before the person: a misspelt name must not cost a pasted value.
  await api.get(versionsPath(secret, environment));
  const given = await readValue(options, `${secret} in ${environment}`, terminal);
  const answer = await sendValue(api, { secret, environment }, given, {
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(options.note === undefined ? {} : { note: options.note }),
  });
  if (json) return terminal.json(answer);
  terminal.print(
    `Added version ${answer.version} of ${secret} in ${environment}: it is ${answer.state}.`,
  );
  if (answer.state === 'staged') {
    const place = `${secret} --environment ${environment}`;
    terminal.hint(
      `Bring it live step by step: keyferry rotate ${place} --to-version ${answer.version}`,
    );
    terminal.hint(
      `Or at once: keyferry versions activate ${secret} ${answer.version} --environment ${environment}`,
    );
  } else {
    terminal.hint(howToUse(secret, environment));
  }
}

async function list(
  { api, json, terminal, nowMs }: Session,
  { environment }: EnvironmentOptions,
  secret: string,
): Promise<void> {
  const items = await api().list<VersionAnswer>(versionsPath(secret, environment));
  if (json) return terminal.json({ items });
  if (items.length === 0) {
    terminal.print(`${secret} has no versions in ${environment}.`);
    return terminal.hint(`Add one: keyferry versions add ${secret} --environment ${environment}`);
  }
  printVersions(terminal, items, nowMs);
}

async function activate(
  { api, json, terminal }: Session,
  { environment }: EnvironmentOptions,
  secret: string,
  text: string,
): Promise<void> {
  const version = parseWholeNumber(text, 'the version');
  const path = `${versionsPath(secret, environment)}/${version}/activate`;
  const answer = await api().post<VersionAnswer>(path);
  if (json) return terminal.json(answer);
  terminal.print(`Version ${answer.version} of ${secret} is now current in ${environment}.`);
  const held = await findHeld(api(), secret, environment);
  if (held?.previousVersion == null) return;
  terminal.hint(`Go back: keyferry rollback ${secret} --environment ${environment}`);
}

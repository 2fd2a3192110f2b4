import { type CutoverDetail, DEFAULT_CUTOVER_SETTINGS, type SecretAnswer } from '../core/index.js';
import { type ApiClient, segment } from './api-client.js';
import type { Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { type CutoverOptions, cutoverBody, cutoverWords } from './cutover-options.js';
import { CutoverSteps } from './cutover-steps.js';
import { concludeCutover, type Followed, followCutover } from './follow-cutover.js';
import { readValue, type ValueOptions } from './read-value.js';
import { writeReport } from './rotation-report.js';
import { sendValue, versionsPath } from './send-value.js';

export interface HandRotateOptions extends CutoverOptions, ValueOptions {
  readonly environment: string;
  readonly toVersion?: number;
  readonly note?: string;
  readonly report?: string;
}

/** What there is to be replaced. */
export interface Held {
  readonly currentVersion: number;
  /** Applied routes that name the secret in the environment. */
  readonly routes: readonly string[];
}

/** Lines of `rotate` before those of the cutover. */
const OWN_STEPS = 1;

/** `rotate` where nothing makes the new value: takes one, and brings it live. */
export async function rotateByHand(
  session: Session,
  options: HandRotateOptions,
  secret: string,
): Promise<ExitCode> {
  const followed = await bringLive(session, options, secret);
  if (session.json) session.terminal.json(followed.cutover);
  const exitCode = concludeCutover(session, followed);
  const { report } = options;
  if (report !== undefined) await writeReport(session, followed.cutover.id, report);
  return exitCode;
}

/** Stages a value and shows its cutover until it is current. */
export async function bringLive(
  session: Session,
  options: HandRotateOptions,
  secret: string,
): Promise<Followed> {
  const { terminal, json } = session;
  const { version, isNew } = await stage(session, options, secret);
  const steps = new CutoverSteps(terminal, OWN_STEPS);
  const shares = options.steps ?? DEFAULT_CUTOVER_SETTINGS.steps;
  const all = shares.at(-1) === 100 ? shares : [...shares, 100];
  if (!json) {
    const where = `${secret} in ${options.environment}`;
    steps.writeBefore(1, `Staged: version ${version} of ${where} ✓`, all);
  }
  const started = await start(session.api(), options, { secret, version, isNew });
  return followCutover(session, started, steps);
}

/** Before a person is asked for a value: what would make it of no use. */
export async function requireRotatable(
  { api, json, terminal }: Session,
  { environment, toVersion }: HandRotateOptions,
  secret: string,
): Promise<Held> {
  // Says so, with the nearest spelling, where one of the two does not exist.
  await api().get(versionsPath(secret, environment));
  const found = await api().get<SecretAnswer>(`/v1/secrets/${segment(secret)}`);
  const held = found.environments.find((it) => it.environment === environment);
  const place = `${secret} --environment ${environment}`;
  if (held?.currentVersion == null) {
    throw new CommandFailure(
      `${secret} has no current version in ${environment}, so there is nothing to rotate`,
      { hints: [`Give it a value: keyferry versions add ${place}`] },
    );
  }
  if (held.cutover !== null) {
    throw new CommandFailure(`a cutover of ${secret} in ${environment} is under way`, {
      hints: [
        `Watch it: keyferry cutover show ${held.cutover.id} --watch`,
        `End it: keyferry cutover complete ${held.cutover.id}, or keyferry cutover rollback ${held.cutover.id}`,
      ],
    });
  }
  const { currentVersion } = held;
  const routes = found.routesByEnvironment[environment] ?? [];
  if (json) return { currentVersion, routes };
  if (found.routes.length === 0) {
    terminal.warn(
      `no applied route names ${secret}: without requests nothing judges the new version, and it waits until you say: keyferry cutover complete ${place}`,
    );
  }
  const waiting = held.stagedVersions.at(-1);
  if (toVersion === undefined && waiting !== undefined) {
    terminal.hint(`Version ${waiting} is staged already; to take it: --to-version ${waiting}`);
  }
  return { currentVersion, routes };
}

/** The version to bring live: one that is there, or one of the value that is given. */
export async function stage(
  { api, terminal }: Session,
  options: HandRotateOptions,
  secret: string,
): Promise<{ version: number; isNew: boolean }> {
  const { environment, toVersion, note } = options;
  if (toVersion !== undefined) {
    return { version: toVersion, isNew: false };
  }
  const given = await readValue(options, `${secret} in ${environment}`, terminal);
  const attributes = note === undefined ? {} : { note };
  const added = await sendValue(api(), { secret, environment }, given, attributes);
  return { version: added.version, isNew: true };
}

async function start(
  api: ApiClient,
  options: HandRotateOptions,
  { secret, version, isNew }: { secret: string; version: number; isNew: boolean },
): Promise<CutoverDetail> {
  const { environment } = options;
  const path = `/v1/secrets/${segment(secret)}/environments/${segment(environment)}/cutovers`;
  try {
    return await api.post<CutoverDetail>(path, { toVersion: version, ...cutoverBody(options) });
  } catch (error) {
    if (!(error instanceof CommandFailure) || !isNew) throw error;
    const { message, exitCode, code, problems } = error;
    // A version that nobody may use need not stay: most likely it is the old value once more.
    const removed =
      code === 'version_unusable' && (await remove(api, secret, environment, version));
    const hints = removed
      ? [`Version ${version} was destroyed again; nothing else was changed.`]
      : [
          `Version ${version} stays staged. Go on: keyferry rotate ${secret} --environment ${environment} --to-version ${version}${cutoverWords(options)}`,
        ];
    throw new CommandFailure(message, { exitCode, code, problems, hints });
  }
}

async function remove(
  api: ApiClient,
  secret: string,
  environment: string,
  version: number,
): Promise<boolean> {
  try {
    await api.delete(`${versionsPath(secret, environment)}/${version}`);
    return true;
  } catch {
    return false;
  }
}

import { Option } from 'commander';
import type { CutoverDetail, SecretAnswer } from '../core/index.js';
import { DEFAULT_CUTOVER_SETTINGS } from '../core/index.js';
import { type ApiClient, segment } from './api-client.js';
import {
  addCommand,
  environmentOption,
  type Registry,
  type Session,
  wholeNumber,
} from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import {
  type CutoverOptions,
  cutoverBody,
  cutoverOptions,
  cutoverWords,
} from './cutover-options.js';
import { CutoverSteps } from './cutover-steps.js';
import { concludeCutover, followCutover } from './follow-cutover.js';
import { readValue, type ValueOptions } from './read-value.js';
import { requireReportFile, writeReport } from './rotation-report.js';
import { sendValue, versionsPath } from './send-value.js';
import { VALUE_NOTES, valueOptions } from './value-options.js';

interface RotateOptions extends CutoverOptions, ValueOptions {
  readonly environment: string;
  readonly toVersion?: number;
  readonly note?: string;
  readonly report?: string;
}

/** Lines of `rotate` before those of the cutover. */
const OWN_STEPS = 1;

/** `keyferry rotate`: a new value, brought to where every request takes it. */
export function addRotate(registry: Registry): void {
  addCommand<RotateOptions>(registry, {
    usage: 'rotate <secret>',
    summary: 'take a new value and bring it live step by step, judged by live traffic',
    example: 'rotate stripe_api_key --environment production --report rotation.md',
    notes: [
      ...VALUE_NOTES,
      'The server goes on by itself: Ctrl-C stops only what is shown here. Exit code 2: rolled back.',
    ],
    options: [
      environmentOption(),
      ...valueOptions(),
      new Option('--note <text>', 'a note for the list of versions'),
      wholeNumber('--to-version <version>', 'take a version that is staged already'),
      ...cutoverOptions(),
      new Option('--report <file>', 'write a checklist with the evidence to a file'),
    ],
    act: rotate,
  });
}

async function rotate(session: Session, options: RotateOptions, secret: string): Promise<ExitCode> {
  const { terminal, json } = session;
  const { environment, report } = options;
  const api = session.api();
  requireOneSource(options);
  if (report !== undefined) await requireReportFile(report);
  await requireRotatable(session, options, secret);
  const { version, isNew } = await stage(session, options, secret);
  const steps = new CutoverSteps(terminal, OWN_STEPS);
  const shares = options.steps ?? DEFAULT_CUTOVER_SETTINGS.steps;
  const all = shares.at(-1) === 100 ? shares : [...shares, 100];
  if (!json) {
    steps.writeBefore(1, `Staged: version ${version} of ${secret} in ${environment} ✓`, all);
  }
  const started = await start(api, options, { secret, version, isNew });
  const followed = await followCutover(session, started, steps);
  if (json) terminal.json(followed.cutover);
  const exitCode = concludeCutover(session, followed);
  if (report !== undefined) await writeReport(session, started.id, report);
  return exitCode;
}

function requireOneSource({ toVersion, valueFile, fields, field, note }: RotateOptions): void {
  const gives = [valueFile, fields, field, note].some((given) => given !== undefined);
  if (toVersion === undefined || !gives) return;
  throw new CommandFailure('--to-version takes a version that has its value already');
}

/** Before a person is asked for a value: what would make it of no use. */
async function requireRotatable(
  { api, json, terminal }: Session,
  { environment, toVersion }: RotateOptions,
  secret: string,
): Promise<void> {
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
  if (json) return;
  if (found.routes.length === 0) {
    terminal.warn(
      `no applied route names ${secret}: without requests nothing judges the new version, and it waits until you say: keyferry cutover complete ${place}`,
    );
  }
  const waiting = held.stagedVersions.at(-1);
  if (toVersion === undefined && waiting !== undefined) {
    terminal.hint(`Version ${waiting} is staged already; to take it: --to-version ${waiting}`);
  }
}

async function stage(
  { api, terminal }: Session,
  options: RotateOptions,
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
  options: RotateOptions,
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

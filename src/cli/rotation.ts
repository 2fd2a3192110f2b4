import { Option } from 'commander';
import {
  ROTATION_STATUSES,
  type RotationAnswer,
  type RotationDetail,
  type RunWithEvents,
} from '../core/index.js';
import { addCommand, addNoun, type Registry, type Session, wholeNumber } from './command.js';
import type { ExitCode } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { findRotation, inEnvironment, type WhichRotation } from './find-rotation.js';
import { concludeRun, followRun } from './follow-run.js';
import { giveValue } from './give-value.js';
import { nextForRun, printRotation, printRotations, printRun } from './print-rotation.js';
import type { ValueOptions } from './read-value.js';
import { addRotationCalendar } from './rotation-calendar.js';
import { requireReportFile } from './rotation-report.js';
import { addRotationSettings } from './rotation-settings.js';
import { placeWords, rotationPath } from './rotation-words.js';
import { writeRunReport } from './run-report.js';
import { VALUE_NOTES, valueOptions } from './value-options.js';

interface ListOptions {
  readonly secret?: string;
  readonly environment?: string;
  readonly status?: string;
  readonly limit?: number;
}

interface ShowOptions extends WhichRotation {
  readonly watch?: boolean;
  readonly report?: string;
}

interface GiveOptions extends WhichRotation, ValueOptions {
  readonly keyId?: string;
  readonly expires?: string;
}

const DEFAULT_LIMIT = 50;

/** `keyferry rotation enable|update|check|disable|list|show|history|pause|resume|rollback|value|calendar`. */
export function addRotation(registry: Registry): void {
  const noun = addNoun(registry, 'rotation', 'let a provider make new keys, by itself and on time');
  addRotationSettings(noun);
  addCommand<WhichRotation & ConfirmOptions>(noun, {
    usage: 'disable <secret>',
    summary: 'let nothing be rotated by itself; versions and keys stay as they are',
    example: 'rotation disable aws --environment production --yes',
    options: [inEnvironment(), yesOption()],
    async act(session, { environment, ...options }, secret) {
      const { id, ...found } = await findRotation(session.api(), secret, { environment });
      const place = `${found.secret} in ${found.environment}`;
      await confirm(session, options, `Disable the rotation of ${place}?`);
      await session.api().delete(rotationPath(id));
      if (session.json) return session.terminal.json({ id, disabled: true });
      session.terminal.print(`Disabled: nothing rotates ${place} by itself any more.`);
    },
  });
  addCommand<ListOptions>(noun, {
    usage: 'list',
    summary: 'list rotations with their next run and what became of the last one',
    example: 'rotation list --status failed',
    options: [
      new Option('--secret <name>', 'only of this secret'),
      new Option('-e, --environment <name>', 'only in this environment'),
      new Option('--status <status>', 'only those').choices(ROTATION_STATUSES),
      wholeNumber('--limit <rows>', `at most so many rows (default ${DEFAULT_LIMIT})`),
    ],
    async act({ api, json, terminal, nowMs }, { limit = DEFAULT_LIMIT, ...filter }) {
      const items = await api().listPaged<RotationAnswer>('/v1/rotations', { ...filter }, limit);
      if (json) return terminal.json({ items });
      if (items.length === 0) return terminal.print('No rotations.');
      printRotations(terminal, items, nowMs);
    },
  });
  addCommand<ShowOptions>(noun, {
    usage: 'show <secret>',
    summary: 'show a rotation: its settings, its run with the steps so far, keys, next runs',
    example: 'rotation show aws --environment production --watch',
    options: [
      inEnvironment(),
      new Option('--watch', 'show the steps of the open run until its end'),
      new Option('--report <file>', 'write a checklist of the newest run to a file'),
    ],
    act: show,
  });
  addCommand<WhichRotation & { readonly limit?: number }>(noun, {
    usage: 'history <secret>',
    summary: 'list its runs with what they did, newest first',
    example: 'rotation history aws --environment production',
    options: [inEnvironment(), wholeNumber('--limit <runs>', 'at most so many runs (default 10)')],
    async act({ api, json, terminal }, { environment, limit = 10 }, secret) {
      const { id } = await findRotation(api(), secret, { environment });
      const path = `${rotationPath(id)}/history`;
      const items = await api().listPaged<RunWithEvents>(path, {}, limit);
      if (json) return terminal.json({ items });
      if (items.length === 0) return terminal.print('It has not run yet.');
      for (const [index, run] of items.entries()) {
        if (index > 0) terminal.print();
        printRun(terminal, run);
      }
    },
  });
  addVerb(noun, {
    verb: 'pause',
    summary: 'begin nothing by itself, and let the open run rest where it is',
    takesReason: false,
    say: () => 'Paused: nothing goes on until it is resumed.',
  });
  addVerb(noun, {
    verb: 'resume',
    summary: 'let it go on: a paused rotation, or a run that needs attention',
    takesReason: false,
    say: () => 'It goes on.',
  });
  addVerb(noun, {
    verb: 'rollback',
    summary: 'end the open run with the old key in use; the new one is deleted at the provider',
    takesReason: true,
    say: () => 'It goes back to the old key, and the new one is deleted at the provider.',
  });
  addCommand<GiveOptions>(noun, {
    usage: 'value <secret>',
    summary: 'give the new value, where the run waits for a person to make it',
    example: 'rotation value stripe_api_key --environment production',
    notes: VALUE_NOTES,
    options: [
      inEnvironment(),
      ...valueOptions(),
      new Option('--key-id <id>', "the provider's own name for the key, no secret"),
      new Option('--expires <when>', 'when it expires: 90d, or a time'),
    ],
    async act(session, { environment, ...options }, secret) {
      const found = await findRotation(session.api(), secret, { environment });
      const rotation = await giveValue(session, found, options);
      if (session.json) return session.terminal.json(rotation);
      session.terminal.print(
        `Taken as version ${rotation.run?.toVersion ?? '?'}. It is tried, and then brought live step by step.`,
      );
      session.terminal.hint(`Follow it: keyferry rotation show ${placeWords(rotation)} --watch`);
    },
  });
  addRotationCalendar(noun);
}

/** What a person says to a rotation or its open run. */
function addVerb(
  noun: Registry,
  about: {
    readonly verb: 'pause' | 'resume' | 'rollback';
    readonly summary: string;
    readonly takesReason: boolean;
    readonly say: () => string;
  },
): void {
  const { verb, summary, takesReason, say } = about;
  addCommand<WhichRotation & { readonly reason?: string }>(noun, {
    usage: `${verb} <secret>`,
    summary,
    example: `rotation ${verb} aws --environment production`,
    options: [
      inEnvironment(),
      ...(takesReason ? [new Option('--reason <text>', 'why; kept with the run')] : []),
    ],
    async act({ api, json, terminal }, { reason, environment }, secret) {
      const { id } = await findRotation(api(), secret, { environment });
      const body = reason === undefined ? undefined : { reason };
      const answer = await api().post<RotationDetail>(`${rotationPath(id)}/${verb}`, body);
      if (json) return terminal.json(answer);
      terminal.print(say());
      terminal.hint(`See: keyferry rotation show ${placeWords(answer)}`);
    },
  });
}

async function show(
  session: Session,
  { environment, watch, report }: ShowOptions,
  secret: string,
): Promise<ExitCode> {
  const { terminal, json, nowMs } = session;
  if (report !== undefined) await requireReportFile(report);
  const found = await findRotation(session.api(), secret, { environment });
  let exitCode: ExitCode = 0;
  if (watch === true && found.run !== null) {
    const rotation = await followRun(session, found, true);
    if (json) terminal.json(rotation);
    exitCode = concludeRun(session, rotation);
  } else if (json) terminal.json(found);
  else {
    printRotation(terminal, found, nowMs);
    if (found.run !== null) for (const line of nextForRun(found, found.run)) terminal.hint(line);
  }
  if (report !== undefined) await writeRunReport(session, found, report);
  return exitCode;
}

import { Option } from 'commander';
import type { RotationAnswer } from '../core/index.js';
import {
  addCommand,
  environmentOption,
  type Registry,
  type Session,
  wholeNumber,
} from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { yesOption } from './confirm.js';
import { cutoverBody, cutoverOptions } from './cutover-options.js';
import { rotationOf } from './find-rotation.js';
import { type HandRotateOptions, requireRotatable, rotateByHand } from './rotate-by-hand.js';
import { type ProviderRotateOptions, rotateByProvider } from './rotate-by-provider.js';
import { rotateInEmergency } from './rotate-in-emergency.js';
import { requireReportFile } from './rotation-report.js';
import { placeWords } from './rotation-words.js';
import { VALUE_NOTES, valueOptions } from './value-options.js';

interface RotateOptions extends HandRotateOptions, ProviderRotateOptions {}

/** `keyferry rotate`: a new value, brought to where every request takes it. */
export function addRotate(registry: Registry): void {
  addCommand<RotateOptions>(registry, {
    usage: 'rotate <secret>',
    summary: 'bring a new value live step by step, judged by live traffic',
    example: 'rotate stripe_api_key --environment production --report rotation.md',
    notes: [
      'Where a rotation is enabled its provider makes the value; else it is asked for.',
      ...VALUE_NOTES,
      'The server goes on by itself: Ctrl-C stops only what is shown here. Exit code 2: rolled back, failed, or a person is needed.',
    ],
    options: [
      environmentOption(),
      ...valueOptions(),
      new Option('--note <text>', 'a note for the list of versions'),
      wholeNumber('--to-version <version>', 'take a version that is staged already'),
      ...cutoverOptions(),
      new Option(
        '--emergency',
        'the old key is known to others: the new one at once, and the old one revoked',
      ),
      new Option('--reason <text>', 'why; kept in the history'),
      yesOption(),
      new Option('--detach', 'where a provider makes the value: begin, and show nothing'),
      new Option('--wait', 'likewise: show it until the old key is revoked').conflicts('detach'),
      new Option('--report <file>', 'write a checklist with the evidence to a file'),
    ],
    act: rotate,
  });
}

async function rotate(session: Session, options: RotateOptions, secret: string): Promise<ExitCode> {
  const { environment, report, emergency } = options;
  requireOneSource(options);
  if (report !== undefined) await requireReportFile(report);
  const rotation = await rotationOf(session.api(), secret, environment);
  if (rotation !== undefined) {
    await refuseOwnWay(session, rotation, options);
    return rotateByProvider(session, rotation, options);
  }
  refuseProviderOptions(options);
  const held = await requireRotatable(session, options, secret);
  return emergency === true
    ? rotateInEmergency(session, options, secret, held)
    : rotateByHand(session, options, secret);
}

function requireOneSource({ toVersion, note, ...options }: RotateOptions): void {
  const gives = note !== undefined || bringsValue(options);
  if (toVersion === undefined || !gives) return;
  throw new CommandFailure('--to-version takes a version that has its value already');
}

function bringsValue({ valueFile, fields, field }: ProviderRotateOptions): boolean {
  return [valueFile, fields, field].some((given) => given !== undefined);
}

/** Where a provider makes the value, and its settings say how it goes live. */
async function refuseOwnWay(
  { api }: Session,
  rotation: RotationAnswer,
  options: RotateOptions,
): Promise<void> {
  const { provider, secret, environment } = rotation;
  const place = placeWords(rotation);
  const settings = Object.values(cutoverBody(options)).some((given) => given !== undefined);
  if (settings) {
    throw new CommandFailure(
      `${provider} rotates ${secret} in ${environment}, and how its values go live is said there`,
      { hints: [`Change it: keyferry rotation update ${place}`] },
    );
  }
  const isOwn = options.toVersion !== undefined || options.note !== undefined;
  if (!isOwn && !bringsValue(options)) return;
  const providers = await api().list<{ readonly id: string; readonly assisted: boolean }>(
    '/v1/rotations/providers',
  );
  const isAssisted = providers.some(({ id, assisted }) => id === provider && assisted);
  if (!isOwn && isAssisted) return;
  throw new CommandFailure(`${provider} makes the values of ${secret} in ${environment}`, {
    hints: [
      `Bring one of your own live: keyferry versions add ${place}, then keyferry cutover start ${place} --to-version N`,
    ],
  });
}

function refuseProviderOptions({ detach, wait, reason, emergency }: RotateOptions): void {
  if (detach === true || wait === true) {
    throw new CommandFailure(
      '--detach and --wait are for secrets that a provider rotates (keyferry rotation list)',
    );
  }
  if (reason !== undefined && emergency !== true) {
    throw new CommandFailure('--reason is for a provider, or --emergency; here: --note');
  }
}

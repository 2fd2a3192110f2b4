import { Option } from 'commander';
import { type CheckAnswer, PROVIDER_IDS, type RotationDetail } from '../core/index.js';
import { addCommand, environmentOption, type Registry, type Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { describeMoment } from './describe-time.js';
import { findRotation, inEnvironment, rotationOf, type WhichRotation } from './find-rotation.js';
import { describeNext, describeSchedule, printCheck } from './print-rotation.js';
import {
  CONFIG_NOTES,
  type RotationOptions,
  rotationBody,
  rotationOptions,
} from './rotation-options.js';
import { placeWords, rotationPath } from './rotation-words.js';

interface EnableOptions extends RotationOptions {
  readonly environment: string;
  readonly provider: string;
}

interface CheckOptions extends RotationOptions {
  readonly environment: string;
  readonly provider?: string;
}

const providerOption = (): Option =>
  new Option('--provider <id>', 'what makes the new keys').choices(PROVIDER_IDS);

/** `rotation enable|update|check`: what takes settings. */
export function addRotationSettings(noun: Registry): void {
  addCommand<EnableOptions>(noun, {
    usage: 'enable <secret>',
    summary: 'let a provider rotate a secret in an environment; it rotates nothing yet',
    example:
      'rotation enable aws --environment production --provider aws --interval 90 --config aws.json',
    notes: CONFIG_NOTES,
    options: [environmentOption(), providerOption().makeOptionMandatory(), ...rotationOptions()],
    async act({ api, json, terminal, nowMs }, { environment, provider, ...options }, secret) {
      const body = { secret, environment, provider, ...(await rotationBody(options, terminal)) };
      const rotation = await api().post<RotationDetail>('/v1/rotations', body);
      if (json) return terminal.json(rotation);
      const place = placeWords(rotation);
      terminal.print(
        `Enabled: ${provider} rotates ${secret} in ${environment} ${describeSchedule(rotation)}.`,
      );
      printNext(terminal, rotation, nowMs);
      terminal.hint(`See that it can: keyferry rotation check ${place}`);
      terminal.hint(`Rotate now: keyferry rotate ${place}`);
    },
  });
  addCommand<WhichRotation & RotationOptions>(noun, {
    usage: 'update <secret>',
    summary: 'change when and how it is rotated; what is not named stays',
    example: 'rotation update aws --environment production --interval 30 --grace 24h',
    notes: [...CONFIG_NOTES, '--config takes the place of all that was configured before.'],
    options: [inEnvironment(), ...rotationOptions()],
    async act({ api, json, terminal, nowMs }, { environment, ...options }, secret) {
      const body = await rotationBody(options, terminal);
      if (Object.values(body).every((value) => value === undefined)) {
        throw new CommandFailure('there is nothing to change: give at least one option');
      }
      const { id } = await findRotation(api(), secret, { environment });
      const rotation = await api().patch<RotationDetail>(rotationPath(id), body);
      if (json) return terminal.json(rotation);
      const { provider, secret: name, environment: place } = rotation;
      terminal.print(
        `Changed: ${provider} rotates ${name} in ${place} ${describeSchedule(rotation)}.`,
      );
      printNext(terminal, rotation, nowMs);
    },
  });
  addCommand<CheckOptions>(noun, {
    usage: 'check <secret>',
    summary: 'try connection, credentials and permissions at the provider; changes nothing',
    example: 'rotation check aws --environment production',
    notes: [
      'Before a rotation is enabled: the same options as for enable. Exit code 2: something is not as it must be.',
    ],
    options: [environmentOption(), providerOption(), ...rotationOptions()],
    act: check,
  });
}

function printNext(
  terminal: Session['terminal'],
  { nextRunAt, run }: RotationDetail,
  nowMs: number,
): void {
  if (nextRunAt !== null) {
    terminal.print(`Next run: ${describeMoment(nextRunAt)} (${describeNext(nextRunAt, nowMs)}).`);
  } else if (run === null || run.endedAt !== null) {
    terminal.print('Next run: before the value expires, once it is known when that is.');
  }
}

async function check(
  { api, json, terminal }: Session,
  { environment, provider, ...options }: CheckOptions,
  secret: string,
): Promise<ExitCode> {
  const settings = await rotationBody(options, terminal);
  const says = Object.values(settings).some((value) => value !== undefined);
  const answer = await ask();
  if (json) terminal.json(answer);
  else printCheck(terminal, answer);
  return answer.ok ? 0 : 2;

  async function ask(): Promise<CheckAnswer> {
    if (provider !== undefined) {
      const body = { secret, environment, provider, ...settings };
      return api().post<CheckAnswer>('/v1/rotations/check', body);
    }
    const found = await rotationOf(api(), secret, environment);
    if (found === undefined || says) {
      throw new CommandFailure(
        found === undefined
          ? `nothing rotates ${secret} in ${environment} by itself yet`
          : 'to check other settings than those that are enabled, say all of them',
        { hints: ['Check what you would enable: give --provider and its options too.'] },
      );
    }
    return api().post<CheckAnswer>(`${rotationPath(found.id)}/check`);
  }
}

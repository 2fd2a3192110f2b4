import { Option } from 'commander';
import { DEFAULT_CUTOVER_SETTINGS, ON_REFUSAL } from '../core/index.js';
import { repeated, wholeNumber } from './command.js';
import { CommandFailure } from './command-failure.js';

/** What was said about how careful a cutover is to be; the rest is the server's default. */
export interface CutoverOptions {
  readonly steps?: readonly number[];
  readonly stepMinSamples?: number;
  readonly stepMinSeconds?: number;
  readonly maxRefusalRatio?: number;
  readonly windowMinutes?: number;
  readonly route?: readonly string[];
  readonly client?: readonly string[];
  readonly onRefusal?: string;
  readonly stickyClients?: boolean;
}

const { steps, stepMinSamples, stepMinSeconds, maxRefusalRatio, windowMinutes } =
  DEFAULT_CUTOVER_SETTINGS;

export function cutoverOptions(): Option[] {
  return [
    new Option(
      '--steps <percents>',
      `shares of the requests, one after the other (default ${steps.join(',')})`,
    ).argParser(parseSteps),
    wholeNumber(
      '--step-min-samples <requests>',
      `accepted requests before a step ends (default ${stepMinSamples})`,
    ),
    wholeNumber(
      '--step-min-seconds <seconds>',
      `how long a step lasts at least (default ${stepMinSeconds})`,
      0,
    ),
    new Option(
      '--max-refusal-ratio <ratio>',
      `the share of refusals that would be borne, 0 to 1 (default ${maxRefusalRatio})`,
    ).argParser(parseRatio),
    wholeNumber(
      '--window-minutes <minutes>',
      `how long the old version stays live afterwards (default ${windowMinutes})`,
      0,
    ),
    repeated('--route <name>', 'only requests of this route before the last step (repeatable)'),
    repeated('--client <name>', 'only requests of this client before the last step (repeatable)'),
    new Option('--on-refusal <what>', 'what follows when the new version is refused').choices(
      ON_REFUSAL,
    ),
    new Option('--sticky-clients', 'all requests of a client take the same version at a step'),
  ];
}

/** The settings as the API takes them. */
export function cutoverBody(options: CutoverOptions): Record<string, unknown> {
  return {
    steps: options.steps,
    stepMinSamples: options.stepMinSamples,
    stepMinSeconds: options.stepMinSeconds,
    maxRefusalRatio: options.maxRefusalRatio,
    windowMinutes: options.windowMinutes,
    routes: options.route,
    clients: options.client,
    onRefusal: options.onRefusal,
    stickyClients: options.stickyClients,
  };
}

/** The same options as words of a command line. */
export function cutoverWords(options: CutoverOptions): string {
  const words = [
    ...(options.steps === undefined ? [] : [`--steps ${options.steps.join(',')}`]),
    ...numberWords('--step-min-samples', options.stepMinSamples),
    ...numberWords('--step-min-seconds', options.stepMinSeconds),
    ...numberWords('--max-refusal-ratio', options.maxRefusalRatio),
    ...numberWords('--window-minutes', options.windowMinutes),
    ...(options.route ?? []).map((name) => `--route ${name}`),
    ...(options.client ?? []).map((name) => `--client ${name}`),
    ...(options.onRefusal === undefined ? [] : [`--on-refusal ${options.onRefusal}`]),
    ...(options.stickyClients === true ? ['--sticky-clients'] : []),
  ];
  return words.map((word) => ` ${word}`).join('');
}

function numberWords(flag: string, value: number | undefined): string[] {
  return value === undefined ? [] : [`${flag} ${value}`];
}

function parseSteps(text: string): number[] {
  const parsed = text
    .split(',')
    .map((part) => (/^[0-9]{1,3}$/.test(part.trim()) ? Number(part) : 0));
  const ascending = parsed.every(
    (step, at) => step >= 1 && step <= 100 && step > (parsed[at - 1] ?? 0),
  );
  if (ascending) return parsed;
  throw new CommandFailure('--steps takes ascending percents such as 1,10,50,100');
}

function parseRatio(text: string): number {
  const ratio = /^(?:0|1|0?\.[0-9]{1,6}|1\.0*)$/.test(text) ? Number(text) : Number.NaN;
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new CommandFailure('--max-refusal-ratio takes a number from 0 to 1, such as 0.01');
}

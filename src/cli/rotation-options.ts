import { Option } from 'commander';
import {
  DEFAULT_ROTATION_SETTINGS,
  type MaintenanceWindow,
  WEEKDAYS,
  type Weekday,
} from '../core/index.js';
import { wholeNumber } from './command.js';
import { CommandFailure } from './command-failure.js';
import { type CutoverOptions, cutoverBody, cutoverOptions } from './cutover-options.js';
import { readTextFile } from './read-text-file.js';
import type { Terminal } from './terminal.js';

/** How a secret is rotated, as far as it was said. */
export interface RotationOptions extends CutoverOptions {
  readonly interval?: number;
  readonly cron?: string;
  readonly timezone?: string;
  readonly window?: MaintenanceWindow | 'any';
  readonly jitter?: number;
  readonly grace?: number;
  readonly soak?: number;
  readonly checkEndpoint?: string;
  readonly checkStatus?: number;
  /** JSON, or the name of a file of it. */
  readonly config?: string;
}

const { gracePeriodMinutes, soakMinutes } = DEFAULT_ROTATION_SETTINGS;
const HOUR_MINUTES = 60;
const UNIT_MINUTES: Readonly<Record<string, number>> = { m: 1, h: HOUR_MINUTES, d: 1440 };

export function rotationOptions(): Option[] {
  return [
    wholeNumber('--interval <days>', 'rotate so often (default: as recommended for its kind)'),
    new Option('--cron <expression>', 'when, in five fields, in place of --interval'),
    new Option('--timezone <name>', 'of --cron and --window (default UTC)'),
    new Option(
      '--window <when>',
      'when runs may begin, such as "mon-fri 09:00-17:00", or any',
    ).argParser(parseWindow),
    length('--jitter <length>', 'begin up to so much later (default 0)'),
    length(
      '--grace <length>',
      `how long both versions stay live, such as 30m, 48h, 2d (default ${gracePeriodMinutes / HOUR_MINUTES}h)`,
    ),
    length(
      '--soak <length>',
      `how long the old key is off before it is deleted (default ${soakMinutes / HOUR_MINUTES}h)`,
    ),
    new Option(
      '--check-endpoint <path>',
      'a path of a route, or an address, that must answer with the new version',
    ),
    wholeNumber('--check-status <status>', 'what it must answer (default 200)', 100),
    new Option(
      '--config <json>',
      'what the provider needs to know: JSON, or a file of it (- is standard input)',
    ),
    // The grace period is the window of the cutover.
    ...cutoverOptions().filter(({ long }) => long !== '--window-minutes'),
  ];
}

export const CONFIG_NOTES = [
  'What --config holds: docs/providers. It names secrets of the environment _providers; it never holds a credential.',
] as const;

/** The settings as the API takes them. */
export async function rotationBody(
  options: RotationOptions,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  const { checkEndpoint: endpoint, checkStatus: expectedStatus } = options;
  if (endpoint === undefined && expectedStatus !== undefined) {
    throw new CommandFailure('--check-status needs --check-endpoint');
  }
  const { windowMinutes: _, ...cutover } = cutoverBody(options);
  const saysCutover = Object.values(cutover).some((value) => value !== undefined);
  return {
    intervalDays: options.interval,
    cron: options.cron,
    timezone: options.timezone,
    window: options.window === 'any' ? null : options.window,
    jitterMinutes: options.jitter,
    gracePeriodMinutes: options.grace,
    soakMinutes: options.soak,
    propagationCheck: endpoint === undefined ? undefined : { endpoint, expectedStatus },
    cutover: saysCutover ? cutover : undefined,
    config: options.config === undefined ? undefined : await readConfig(options.config, terminal),
  };
}

async function readConfig(given: string, terminal: Terminal): Promise<unknown> {
  const isText = given.trimStart().startsWith('{');
  const what = isText ? '--config' : 'the file of --config';
  const text = isText ? given : await readTextFile(given.replace(/^@/, ''), what, terminal);
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw new CommandFailure(`${what} is not JSON`, {
      hints: ['Such as: --config \'{"userName": "shop"}\', or --config aws.json'],
    });
  }
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  throw new CommandFailure(`${what} is not an object of JSON`);
}

function length(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string): number => {
    const [, count, unit = 'm'] = /^([0-9]{1,6})([mhd])?$/.exec(text) ?? [];
    if (count !== undefined) return Number(count) * (UNIT_MINUTES[unit] ?? 1);
    throw new CommandFailure(
      `${flags.split(' ')[0]} takes a length of time such as 30m, 48h or 2d (without a unit: minutes)`,
    );
  });
}

const WINDOW =
  /^(?:([a-z,-]+) +)?((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])$/;

function parseWindow(text: string): MaintenanceWindow | 'any' {
  if (text === 'any') return text;
  const [, days, from, until] = WINDOW.exec(text.trim().toLowerCase()) ?? [];
  const named = days === undefined ? [...WEEKDAYS] : parseDays(days);
  if (from !== undefined && until !== undefined && named !== undefined) {
    return { days: named, from, until };
  }
  throw new CommandFailure(
    '--window takes days and hours such as "mon-fri 09:00-17:00", "sat,sun 22:00-04:00", "02:00-05:00", or any',
  );
}

function parseDays(text: string): Weekday[] | undefined {
  const days = new Set<Weekday>();
  for (const part of text.split(',')) {
    const [first = -1, last = first, more] = part
      .split('-')
      .map((name) => (WEEKDAYS as readonly string[]).indexOf(name));
    if (first < 0 || last < 0 || more !== undefined) return undefined;
    const count = ((last - first + WEEKDAYS.length) % WEEKDAYS.length) + 1;
    for (let at = 0; at < count; at++) {
      const day = WEEKDAYS[(first + at) % WEEKDAYS.length];
      if (day !== undefined) days.add(day);
    }
  }
  return WEEKDAYS.filter((day) => days.has(day));
}

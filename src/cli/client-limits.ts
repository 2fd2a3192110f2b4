import { Option } from 'commander';
import type { TrafficLimits } from '../core/index.js';
import { wholeNumber } from './command.js';
import { CommandFailure } from './command-failure.js';

export interface LimitOptions {
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly concurrentRequests?: number;
}

/** What a client may send, at its creation and later. */
export function limitOptions(): Option[] {
  return [
    new Option(
      '--requests-per-second <number>',
      'requests on average; 0.5 is one every two seconds',
    ).argParser(parseRate),
    wholeNumber('--burst <number>', 'requests at once after a pause (default: those of a second)'),
    wholeNumber('--concurrent-requests <number>', 'requests under way at once'),
  ];
}

/** The limits that were given; undefined when none was. */
export function limitsOf(options: LimitOptions): TrafficLimits | undefined {
  const { requestsPerSecond, burst, concurrentRequests } = options;
  const given = Object.entries({ requestsPerSecond, burst, concurrentRequests }).filter(
    ([, value]) => value !== undefined,
  );
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** `20/s (burst 40), 50 at once`. */
export function describeLimits(limits: TrafficLimits | null): string {
  if (limits === null) return 'as all';
  const { requestsPerSecond, burst, concurrentRequests } = limits;
  const parts: string[] = [];
  if (requestsPerSecond !== undefined) {
    parts.push(`${requestsPerSecond}/s${burst === undefined ? '' : ` (burst ${burst})`}`);
  }
  if (concurrentRequests !== undefined) parts.push(`${concurrentRequests} at once`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function parseRate(text: string): number {
  if (/^(?:\d{1,7}|\d{0,6}\.\d{1,3})$/.test(text) && Number(text) > 0) return Number(text);
  throw new CommandFailure('--requests-per-second takes a number such as 20 or 0.5');
}

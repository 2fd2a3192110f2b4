import { ENVIRONMENT_NAME, type ListenAddress, nearestName } from '../core/index.js';
import { quote, shapeOf } from './finding.js';
import { hostProblem } from './host-name.js';
import { LOG_LEVELS, type SettingRow } from './setting-table.js';

export type LogLevel = (typeof LOG_LEVELS)[number];

export type ParsedSetting =
  | string
  | boolean
  | number
  | LogLevel
  | ListenAddress
  | readonly string[];

export type Parsed =
  | { readonly ok: true; readonly value: ParsedSetting }
  | { readonly ok: false; readonly message: string; readonly nearest?: string | undefined };

/** Makes a setting's value of what a flag, a variable or the config file says. Never for a secret. */
export function parseSetting(row: SettingRow, given: unknown): Parsed {
  switch (row.kind) {
    case 'address':
      return typeof given === 'string' ? parseAddress(given) : refuse(given, 'HOST:PORT');
    case 'environments':
      return parseEnvironments(given);
    case 'level':
      return parseLevel(given);
    case 'switch':
      return parseSwitch(given);
    case 'count':
      return parseCount(given, row.range ?? [0, Number.MAX_SAFE_INTEGER]);
    case 'ratio':
      return parseRatio(given);
    case 'url':
      return parseUrl(given);
    default:
      if (typeof given !== 'string' || given === '') return refuse(given, `a ${row.kind}`);
      return given.includes('\0') ? refuse(given, 'text without NUL') : { ok: true, value: given };
  }
}

function refuse(given: unknown, expected: string): Parsed {
  return { ok: false, message: `found ${shapeOf(given)}; ${expected} is expected` };
}

const ADDRESS = /^(.*):(\d{1,5})$/;
/** A descriptor of the parent process: 0 to 2 are the standard streams. */
const DESCRIPTOR = /^fd:([3-9]|[1-9]\d{1,3})$/;

function parseAddress(text: string): Parsed {
  const fail = (message: string): Parsed => ({
    ok: false,
    message: `found ${quote(text)}; ${message}`,
  });
  const descriptor = DESCRIPTOR.exec(text)?.[1];
  if (descriptor !== undefined) return { ok: true, value: { fd: Number(descriptor) } };
  const [, host, digits] = ADDRESS.exec(text) ?? [];
  if (host === undefined || digits === undefined) {
    return fail(
      'HOST:PORT is expected, such as 127.0.0.1:8080 or [::1]:8080; or fd:3 for a socket handed over',
    );
  }
  if (host === '') return fail('a host is expected before ":"; 0.0.0.0 means every IPv4 address');
  const port = Number(digits);
  if (port > 65_535) return fail('a port is 0 to 65535');
  if (host.includes('://')) return fail('a host and a port without scheme are expected');
  if (host.includes(':') && !/^\[.*\]$/.test(host)) {
    return fail('an IPv6 address needs brackets: [::1]:8080');
  }
  const problem = hostProblem(host, 'exact');
  if (problem !== undefined) return fail(problem.message);
  return { ok: true, value: { host: host.replace(/^\[|\]$/g, ''), port } };
}

/** A variable holds several names with commas or spaces between them, the config file a list. */
function parseEnvironments(given: unknown): Parsed {
  const items: unknown[] = Array.isArray(given) ? given : [given];
  const names: string[] = [];
  for (const item of items) {
    if (typeof item !== 'string') return refuse(item, 'the name of an environment');
    names.push(...item.split(/[\s,]+/).filter((name) => name !== ''));
  }
  const bad = names.find((name) => !ENVIRONMENT_NAME.test(name));
  if (bad !== undefined) {
    const folded = bad.toLowerCase();
    return {
      ok: false,
      message: `found ${quote(bad)}; the name of an environment is a lower-case letter, then up to 62 lower-case letters, digits or "-"`,
      nearest: ENVIRONMENT_NAME.test(folded) ? folded : undefined,
    };
  }
  if (names.length === 0) return refuse(given, 'the name of an environment');
  return { ok: true, value: [...new Set(names)] };
}

function parseLevel(given: unknown): Parsed {
  const level = LOG_LEVELS.find((candidate) => candidate === given);
  if (level !== undefined) return { ok: true, value: level };
  const found = typeof given === 'string' ? quote(given) : shapeOf(given);
  return {
    ok: false,
    message: `found ${found}; expected one of ${LOG_LEVELS.join(', ')}`,
    nearest: typeof given === 'string' ? nearestName(given, LOG_LEVELS) : undefined,
  };
}

function parseSwitch(given: unknown): Parsed {
  if (given === true || given === 'true' || given === '1') return { ok: true, value: true };
  if (given === false || given === 'false' || given === '0') return { ok: true, value: false };
  return refuse(given, 'true or false');
}

function parseCount(given: unknown, [smallest, largest]: readonly [number, number]): Parsed {
  const isNumber = typeof given === 'number';
  const isText = typeof given === 'string' && /^\d{1,15}$/.test(given);
  const value = isNumber || isText ? Number(given) : Number.NaN;
  if (Number.isInteger(value) && value >= smallest && value <= largest) return { ok: true, value };
  const found = isText ? given : shapeOf(given);
  return {
    ok: false,
    message: `found ${found}; a whole number from ${smallest} to ${largest} is expected`,
  };
}

function parseRatio(given: unknown): Parsed {
  const isText = typeof given === 'string' && /^\d{1,3}(?:\.\d{1,15})?$/.test(given);
  const value = typeof given === 'number' || isText ? Number(given) : Number.NaN;
  if (value >= 0 && value <= 1) return { ok: true, value };
  return refuse(given, 'a number from 0 to 1');
}

/** Never repeats what it was given: an address may hold credentials. */
function parseUrl(given: unknown): Parsed {
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isHttp || url.search !== '' || url.hash !== '') {
    return refuse(given, 'http:// or https:// with a host, and no query or fragment,');
  }
  if (url.username !== '' || url.password !== '') {
    return { ok: false, message: 'credentials do not belong in an address; send them in a header' };
  }
  return { ok: true, value: url.href };
}

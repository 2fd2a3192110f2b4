import type { z } from 'zod';
import { ENVIRONMENT_NAME, nearestName, PROVIDERS_ENVIRONMENT } from '../core/index.js';
import { type Finding, type JsonPath, printPath, quote, shapeOf } from './finding.js';
import { at } from './salvage.js';

/** What zod found in the document `root`, in our words; `knownKeysAt` says which keys an object may have. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  root: unknown,
  knownKeysAt: (path: JsonPath) => readonly string[],
): Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const error = (message: string): Finding => ({ path, severity: 'error', message });
  const found = at(root, path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeysAt(path);
      return issue.keys.map((key) => ({
        path: [...path, key],
        severity: 'error',
        message: `${quote(key)} is not a key of ${placeOf(path)}; known: ${known.join(', ')}`,
        nearest: nearestName(key, known),
      }));
    }
    case 'invalid_type':
      if (found === undefined) return [error(`missing; ${nameOf(issue.expected)} is expected`)];
      return [error(`found ${shapeOf(found)}; ${nameOf(issue.expected)} is expected`)];
    case 'invalid_value': {
      const known = issue.values.map(String);
      const nearest = typeof found === 'string' ? nearestName(found, known) : undefined;
      return [
        { ...error(`found ${shapeOf(found)}; expected one of ${known.join(', ')}`), nearest },
      ];
    }
    case 'too_small':
      return [error(`found ${shapeOf(found)}; at least ${issue.minimum} is expected`)];
    case 'too_big':
      return [error(`found ${shapeOf(found)}; at most ${issue.maximum} is expected`)];
    case 'invalid_key': {
      const key = String(path.at(-1));
      if (key === PROVIDERS_ENVIRONMENT) {
        return [error('it holds the credentials of rotation providers; no route can use it')];
      }
      const folded = key.toLowerCase();
      const nearest = ENVIRONMENT_NAME.test(folded) ? folded : undefined;
      const expected = issue.issues[0]?.message ?? 'it is not allowed';
      return [{ ...error(`found the key ${quote(key)}; ${expected}`), nearest }];
    }
    case 'invalid_format':
      return [error(`found ${typeof found === 'string' ? quote(found) : ''}; ${issue.message}`)];
    default:
      return [error(`found ${shapeOf(found)}; ${issue.message}`)];
  }
}

function placeOf(path: JsonPath): string {
  return path.length === 0 ? 'the document' : printPath(path);
}

function nameOf(expected: string): string {
  if (expected === 'record' || expected === 'object') return 'an object';
  if (expected === 'int') return 'a whole number';
  if (expected === 'array') return 'a list';
  return expected === 'boolean' ? 'true or false' : `a ${expected}`;
}

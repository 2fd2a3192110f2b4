import type { z } from 'zod';
import {
  ENVIRONMENT_NAME,
  nearestName,
  PROVIDERS_ENVIRONMENT,
  type RoutesDocument,
} from '../core/index.js';
import {
  type Finding,
  type JsonPath,
  MOST_FINDINGS,
  printPath,
  quote,
  shapeOf,
} from './finding.js';
import { knownKeysAt, routeSchema, routesSchema } from './route-schema.js';
import { at, type Salvaged, salvage } from './salvage.js';

export interface Structure {
  /**
   * What can still be checked for its meaning; undefined when the document is no object at all, or has too
   * much wrong with it.
   */
  readonly rest: Salvaged<RoutesDocument> | undefined;
  readonly findings: readonly Finding[];
}

/** Checks keys, types and ranges of a routes document, and keeps what is well-formed of it. */
export function checkStructure(value: unknown): Structure {
  const findings = issuesOf(value).flatMap((issue) => findingsOf(issue, value));
  if (findings.length >= MOST_FINDINGS) return { rest: undefined, findings };
  const shaped = salvage(
    value,
    findings.map(({ path }) => path),
  );
  const hidden = hiddenKeys(shaped, []);
  const rest = salvage(shaped, hidden) as Salvaged<RoutesDocument> | undefined;
  return {
    rest,
    findings: [
      ...findings,
      ...hidden.map(
        (path): Finding => ({ path, severity: 'error', message: '"__proto__" cannot be a key' }),
      ),
    ],
  };
}

/** Route by route, so that it can stop where enough is wrong. */
function issuesOf(value: unknown): z.core.$ZodIssue[] {
  const routes = at(value, ['routes']);
  if (!Array.isArray(routes)) return routesSchema.safeParse(value).error?.issues ?? [];
  const issues: z.core.$ZodIssue[] = [];
  for (const [index, route] of routes.entries()) {
    const path = ['routes', index];
    if (hasMoreParts(route, MOST_PARTS)) {
      const message = `a route of more than ${MOST_PARTS} keys and items is not taken`;
      issues.push({ code: 'custom', path, message, input: route });
    } else {
      for (const issue of routeSchema.safeParse(route).error?.issues ?? []) {
        issues.push({ ...issue, path: [...path, ...issue.path] });
      }
    }
    if (issues.length >= MOST_FINDINGS) break;
  }
  const around = { ...(value as object), routes: [] };
  return [...issues, ...(routesSchema.safeParse(around).error?.issues ?? [])];
}

/** Hundreds of environments with dozens of settings each. */
const MOST_PARTS = 20_000;

/** Whether a value has more keys and items than that, as deep as a route goes. */
function hasMoreParts(value: unknown, most: number): boolean {
  let parts = 0;
  let level: unknown[] = [value];
  for (let depth = 0; depth < DEEPEST_KEY && level.length > 0; depth++) {
    const below: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      const items: unknown[] = Object.values(item);
      parts += items.length;
      if (parts > most) return true;
      for (const one of items) below.push(one);
    }
    level = below;
  }
  return false;
}

function findingsOf(issue: z.core.$ZodIssue, root: unknown): Finding[] {
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

/** Deeper than any key of a routes document: a value nested without end must not end the stack. */
const DEEPEST_KEY = 8;

/** zod leaves `__proto__` out without a word; what is not kept must not be accepted either. */
function hiddenKeys(value: unknown, path: JsonPath): JsonPath[] {
  if (typeof value !== 'object' || value === null || path.length > DEEPEST_KEY) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    return key === '__proto__' ? [here] : hiddenKeys(item, here);
  });
}

import type { z } from 'zod';
import type { RoutesDocument } from '../core/index.js';
import { describeIssue } from './describe-issue.js';
import { type Finding, type JsonPath, MOST_FINDINGS } from './finding.js';
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
  const findings = issuesOf(value).flatMap((issue) => describeIssue(issue, value, knownKeysAt));
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

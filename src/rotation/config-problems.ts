import { z } from 'zod';
import { nearestName, type Problem } from '../core/index.js';

/** What reads as a name. Anything else may be a value in the wrong place, and is not repeated. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,40}$/;
const UNSHOWN = '(another name)';

/**
 * What is wrong with a provider's config, by the path of each field; empty where nothing is. A message says the shape
 * that was found and never a text: it may be a credential in the wrong place.
 */
export function configProblems(schema: z.ZodType, config: unknown): readonly Problem[] {
  const issues = schema.safeParse(config).error?.issues ?? [];
  return issues.flatMap((issue) => problemsOf(issue, schema, config));
}

function problemsOf(issue: z.core.$ZodIssue, schema: z.ZodType, config: unknown): Problem[] {
  const path = pathText(issue.path);
  const found = valueAt(config, issue.path);
  const problem = (message: string, nearest?: string): Problem[] => {
    const text = `found ${shapeOf(found)}; ${message}`;
    return [nearest === undefined ? { path, message: text } : { path, message: text, nearest }];
  };
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(schemaAt(schema, issue.path));
      return issue.keys.map((key) => unknownField(pathText([...issue.path, key]), key, known));
    }
    case 'invalid_type':
      return found === undefined
        ? [{ path, message: `missing; ${expectedName(issue.expected)} is expected` }]
        : problem(`${expectedName(issue.expected)} is expected`);
    case 'invalid_value': {
      const words = issue.values.map(String);
      const nearest = typeof found === 'string' ? nearestName(found, words) : undefined;
      return problem(`expected one of ${words.join(', ')}`, nearest);
    }
    case 'too_small':
      return problem(`at least ${issue.minimum} is expected`);
    case 'too_big':
      return problem(`at most ${issue.maximum} is expected`);
    // Zod's own messages repeat nothing of what was found; those of schemas are written for people.
    case 'invalid_format':
    case 'custom':
      return problem(issue.message);
    default:
      return problem('it is not valid here');
  }
}

function unknownField(path: string, key: string, known: readonly string[]): Problem {
  const message = `is not known; expected ${known.join(', ')}`;
  const nearest = nearestName(key, known);
  return nearest === undefined ? { path, message } : { path, message, nearest };
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly unknown[] {
  let at: readonly unknown[] = [schema];
  for (const step of path) {
    at = at.flatMap(unwrap).flatMap((one) => {
      if (one instanceof z.ZodObject) return [one.shape[String(step)]];
      return one instanceof z.ZodArray ? [one.element] : [];
    });
  }
  return at;
}

function knownKeys(schemas: readonly unknown[]): readonly string[] {
  const objects = schemas.flatMap(unwrap).filter((one) => one instanceof z.ZodObject);
  return [...new Set(objects.flatMap((object) => Object.keys(object.shape)))];
}

/** What may stand there, without what is wrapped around it. */
function unwrap(schema: unknown): readonly unknown[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap());
  }
  return [schema];
}

function valueAt(config: unknown, path: readonly PropertyKey[]): unknown {
  let value = config;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else {
      const name = NAME.test(String(step)) ? String(step) : UNSHOWN;
      text += text === '' ? name : `.${name}`;
    }
  }
  return text;
}

function expectedName(expected: string): string {
  if (expected === 'int') return 'a whole number';
  if (expected === 'array') return 'a list';
  if (expected === 'boolean') return 'true or false';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function shapeOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

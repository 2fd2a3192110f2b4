import { z } from '@hono/zod-openapi';
import { nearestName, type Problem } from '../core/index.js';

/** A key that reads as a name. Anything else may be a value in the wrong place, and is not repeated. */
const PLAIN_KEY = /^[A-Za-z][A-Za-z_-]{0,30}[0-9]{0,2}$/;
const UNSHOWN = '(another name)';

type Issue = z.core.$ZodIssue;

/**
 * Says what is wrong with an input: JSON path, the shape found (never a text that was sent, because it may be
 * a secret in the wrong field), what was expected, and the nearest spelling.
 */
export function describeIssues(
  schema: z.ZodType,
  input: unknown,
  issues: readonly Issue[],
): Problem[] {
  return issues.flatMap((issue) => describeIssue(schema, input, issue));
}

function describeIssue(schema: z.ZodType, input: unknown, issue: Issue): Problem[] {
  const path = pathText(issue.path);
  const value = valueAt(input, issue.path);
  const found = `found ${shapeOf(value)}`;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(schema, issue.path);
      return issue.keys.map((key) => unknownKey(path, key, known));
    }
    case 'invalid_value': {
      const words = issue.values.map(String);
      const nearest = typeof value === 'string' ? nearestName(value, words) : undefined;
      return [
        problem(
          path,
          `${found}, expected one of ${words.map((w) => `"${w}"`).join(', ')}`,
          nearest,
        ),
      ];
    }
    case 'invalid_type':
      return [problem(path, `${found}, expected ${expectedType(issue.expected)}`)];
    case 'too_small':
      return [
        problem(path, `${found}, expected at least ${issue.minimum} ${unitOf(issue.origin)}`),
      ];
    case 'too_big':
      return [problem(path, `${found}, expected at most ${issue.maximum} ${unitOf(issue.origin)}`)];
    case 'invalid_key':
      return [problem(path, `the name of a field is not valid${whyOfKey(issue.issues)}`)];
    case 'invalid_format':
      return [problem(path, `${found}, ${formatText(issue)}`)];
    case 'custom':
      return [problem(path, `${found}, ${issue.message}`)];
    default:
      return [problem(path, `${found}, which is not valid here`)];
  }
}

function unknownKey(path: string, key: string, known: readonly string[]): Problem {
  const shown = PLAIN_KEY.test(key) ? key : UNSHOWN;
  const at = path === '$' ? shown : `${path}.${shown}`;
  const expected = known.length === 0 ? 'nothing is expected here' : `expected ${known.join(', ')}`;
  return problem(at, `is not known; ${expected}`, nearestName(key, known));
}

function problem(path: string, message: string, nearest?: string): Problem {
  return nearest === undefined ? { path, message } : { path, message, nearest };
}

function formatText(issue: Issue & { code: 'invalid_format' }): string {
  if (issue.format === 'datetime') return 'expected a time such as 2027-01-31T00:00:00Z (RFC 3339)';
  return issue.message.startsWith('expected') ? issue.message : 'expected another format';
}

function expectedType(expected: string): string {
  if (expected === 'record') return 'an object';
  if (expected === 'int') return 'a whole number';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return 'characters';
  if (origin === 'array' || origin === 'set') return 'items';
  if (origin === 'object' || origin === 'record') return 'fields';
  return '';
}

function shapeOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

/** What a name would have to be, where the schema says it. */
function whyOfKey([issue]: readonly Issue[]): string {
  return issue?.code === 'invalid_format' ? `, ${formatText(issue)}` : '';
}

function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else {
      const name = PLAIN_KEY.test(String(step)) ? String(step) : UNSHOWN;
      text += text === '' ? name : `.${name}`;
    }
  }
  return text === '' ? '$' : text;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = schema;
  for (const step of path) {
    const object = unwrap(at);
    if (object instanceof z.ZodObject) at = object.shape[String(step)];
    else if (object instanceof z.ZodArray) at = object.element;
    else return [];
  }
  const object = unwrap(at);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap());
  }
  return schema;
}

import type { ImportedEntry, ImportedSource, Problem } from '../core/index.js';
import { givenValue } from './given-value.js';

const NOT_A_VALUE = 'is no text that is not empty, and no object of such';

/**
 * Reads `{name: value}`, or, where `byEnvironment`, `{name: {environment: value}}`. A value is a text, or an object
 * of texts: its fields.
 */
export function readJsonFile(text: string, byEnvironment: boolean): ImportedSource {
  const document = parse(text);
  const shape = byEnvironment ? '{"NAME": {"ENVIRONMENT": value}}' : '{"NAME": value}';
  if (!isObject(document)) {
    const message =
      document === undefined ? 'is not JSON' : `is not an object: ${shape} is expected`;
    return { entries: [], problems: [{ path: 'the file', message }], notices: [] };
  }
  const entries: ImportedEntry[] = [];
  const problems: Problem[] = [];
  const add = (path: string, name: string, environment: string | undefined, held: unknown) => {
    const value = givenValue(held);
    if (value === undefined) problems.push({ path, message: NOT_A_VALUE });
    else entries.push({ place: path, name, environment, value });
  };
  for (const [name, held] of Object.entries(document)) {
    if (!byEnvironment) add(name, name, undefined, held);
    else if (!isObject(held)) problems.push({ path: name, message: `is no object: ${shape}` });
    else {
      for (const [environment, one] of Object.entries(held)) {
        add(`${name}.${environment}`, name, environment, one);
      }
    }
  }
  return { entries, problems, notices: [] };
}

/** Undefined when it is not JSON: the parser's own message would repeat a part of the text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { Problem } from '../core/index.js';

/** Where in a JSON value: object keys and array indexes from the root. */
export type JsonPath = readonly (string | number)[];

/** One thing to say about a place in a document, before it is given a printed path and a position. */
export interface Finding {
  readonly path: JsonPath;
  readonly message: string;
  readonly severity: 'error' | 'warning';
  readonly nearest?: string | undefined;
}

/**
 * Enough for a person to begin with. A document with more is not looked at further: to say everything about
 * millions of wrong parts would take the memory and the time that requests need.
 */
export const MOST_FINDINGS = 1000;

/** 1-based position in a text. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Finds where a path stands in the text that a value was read from. */
export type Locate = (path: JsonPath) => TextPosition | undefined;

/** Findings of one severity as the rest of the program shows them, in the order of the text. */
export function problemsOf(
  findings: readonly Finding[],
  severity: Finding['severity'],
  locate: Locate,
): Problem[] {
  return findings
    .filter((finding) => finding.severity === severity)
    .map(
      ({ path, message, nearest }): Problem => ({
        path: printPath(path),
        message,
        ...(nearest === undefined ? {} : { nearest }),
        ...locate(path),
      }),
    )
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

const PLAIN_KEY = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** `routes[0].headers["Stripe-Version"]`; the root itself is `$`. */
export function printPath(path: JsonPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_KEY.test(step)) text += `[${quote(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text === '' ? '$' : text;
}

const LONGEST_QUOTE = 80;

/** A text in double quotes, control characters escaped, cut where it is long. Never for a secret's value. */
export function quote(text: string): string {
  return JSON.stringify(
    text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE - 1)}…` : text,
  );
}

/** What kind of thing a value is, without showing it. */
export function shapeOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') {
    return value === '' ? 'an empty string' : `a string of ${count(value.length, 'character')}`;
  }
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `${value}`;
  if (Array.isArray(value)) return `a list of ${count(value.length, 'item')}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

import {
  createScanner,
  findNodeAtLocation,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import {
  type Finding,
  type JsonPath,
  type Locate,
  MOST_FINDINGS,
  quote,
  type TextPosition,
} from './finding.js';

/** A JSON text as a value, with a way back from a path in the value to a place in the text. */
export interface JsonDocument {
  readonly value: unknown;
  readonly locate: Locate;
}

export type JsonReading =
  | { readonly ok: true; readonly document: JsonDocument; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly errors: readonly SyntaxFault[] };

export interface SyntaxFault extends TextPosition {
  readonly message: string;
}

/** Far deeper than any document here; the parser recurses, so depth must be bounded before it runs. */
const MAX_DEPTH = 64;

/**
 * Reads JSON with comments and trailing commas. A repeated object key is an error, not "the last one wins":
 * two routes files merged by hand would lose settings without a word. Never throws.
 */
export function readJsonDocument(text: string): JsonReading {
  // Some editors write a byte order mark; a blank keeps every offset.
  const clean = text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text;
  const position = positionsIn(clean);
  const tooDeep = offsetBeyondDepth(clean);
  if (tooDeep !== undefined) {
    const message = `nested deeper than ${MAX_DEPTH} levels`;
    return { ok: false, errors: [{ message, ...position(tooDeep) }] };
  }
  const errors: ParseError[] = [];
  const root = parseTree(clean, errors, { allowTrailingComma: true });
  if (errors.length > 0 || root === undefined) {
    const found = errors.slice(0, MOST_FINDINGS).map((error) => ({
      message: sentenceOf(error),
      ...position(error.offset),
    }));
    const empty = { message: 'there is no JSON value in it', line: 1, column: 1 };
    return { ok: false, errors: found.length > 0 ? found : [empty] };
  }
  const findings: Finding[] = [];
  const value = plainValue(root, [], findings);
  const locate: Locate = (path) => {
    for (let length = path.length; length >= 0; length--) {
      const node = findNodeAtLocation(root, path.slice(0, length));
      if (node !== undefined) return position(node.offset);
    }
    return undefined;
  };
  return { ok: true, document: { value, locate }, findings };
}

function plainValue(node: Node, path: JsonPath, findings: Finding[]): unknown {
  if (node.type === 'array') {
    return (node.children ?? []).map((item, index) => plainValue(item, [...path, index], findings));
  }
  if (node.type !== 'object') return node.value;
  const entries = new Map<string, unknown>();
  for (const property of node.children ?? []) {
    const [key, item] = property.children ?? [];
    if (key === undefined || item === undefined) continue;
    const name = String(key.value);
    const here = [...path, name];
    if (entries.has(name)) {
      const message = `the key ${quote(name)} stands more than once in this object; keep one`;
      findings.push({ path: here, severity: 'error', message });
    }
    entries.set(name, plainValue(item, here, findings));
  }
  return Object.fromEntries(entries);
}

function offsetBeyondDepth(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  while (scanner.scan() !== END_OF_TEXT) {
    const length = scanner.getTokenLength();
    const token = length === 1 ? text[scanner.getTokenOffset()] : undefined;
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
    if (depth > MAX_DEPTH) return scanner.getTokenOffset();
  }
  return undefined;
}

/** jsonc-parser's `SyntaxKind.EOF`, a const enum that isolated modules cannot read. */
const END_OF_TEXT = 17;

const SENTENCES: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is not a JSON value: strings need double quotes',
  InvalidNumberFormat: 'this is not a JSON number',
  PropertyNameExpected: 'a key in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a ":" is expected here',
  CommaExpected: 'a "," is expected here',
  CloseBraceExpected: 'a "}" is expected here',
  CloseBracketExpected: 'a "]" is expected here',
  EndOfFileExpected: 'the document is complete, but more text follows',
  UnexpectedEndOfComment: 'the comment is never closed with "*/"',
  UnexpectedEndOfString: 'the string is never closed with a double quote on its line',
  UnexpectedEndOfNumber: 'the number is cut short',
  InvalidUnicode: '"\\u" needs four hexadecimal digits',
  InvalidEscapeCharacter: 'JSON has no such escape; write "\\\\" for a backslash',
  InvalidCharacter: 'a control character must be written as an escape',
};

function sentenceOf(error: ParseError): string {
  return SENTENCES[printParseErrorCode(error.error)] ?? 'this is not JSON';
}

/** Finds positions in a text without reading it anew for each. */
function positionsIn(text: string): (offset: number) => TextPosition {
  const lineStarts = [0];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) {
    lineStarts.push(end + 1);
  }
  return (offset) => {
    let low = 0;
    let high = lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (lineStarts[low] ?? 0) + 1 };
  };
}

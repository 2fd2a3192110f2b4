import { createScanner, findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import type { JsonPath } from './finding.js';

/** Sets what stands at a path; objects on the way that are missing are added. */
export interface JsonEdit {
  readonly path: JsonPath;
  readonly value: unknown;
}

/** A copy of a JSON value with the edits made. */
export function setInJson(value: unknown, edits: readonly JsonEdit[]): unknown {
  const copy = structuredClone(value);
  for (const { path, value: item } of edits) setAt(copy, path, item);
  return copy;
}

/**
 * Makes the edits in a text of JSON with comments, and touches nothing else: comments, indentation, line ends and
 * the order of keys stay. The text must be well-formed. What is added looks like its neighbours: on a line of its
 * own where they are, else on theirs.
 */
export function setInJsonText(text: string, edits: readonly JsonEdit[]): string {
  // As `readJsonDocument` does: a byte order mark keeps its place.
  const clean = text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text;
  const root = parseTree(clean, [], { allowTrailingComma: true });
  if (root === undefined) return text;
  const replaced: Splice[] = [];
  const added = new Map<Node, Record<string, unknown>>();
  for (const { path, value } of edits) {
    const node = findNodeAtLocation(root, [...path]);
    if (node !== undefined) {
      replaced.push({ at: node.offset, length: node.length, text: JSON.stringify(value) });
      continue;
    }
    const [parent, rest] = nearestParent(root, path);
    const properties = added.get(parent) ?? {};
    setAt(properties, rest, value);
    added.set(parent, properties);
  }
  const style = styleOf(clean);
  const inserted = [...added].flatMap(([node, properties]) =>
    insertions(clean, node, properties, style),
  );
  // From the end to the start, so that no splice moves another one; of two at one place the later goes first.
  const splices = [...replaced, ...inserted].reverse().sort((a, b) => b.at - a.at);
  return splices.reduce(
    (whole, { at, length, text: put }) => whole.slice(0, at) + put + whole.slice(at + length),
    text,
  );
}

interface Splice {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

interface Style {
  /** One level of indentation. */
  readonly unit: string;
  readonly lineEnd: string;
}

function setAt(root: unknown, path: JsonPath, value: unknown): void {
  let here = root as Record<string | number, unknown>;
  for (const [index, step] of path.entries()) {
    if (index === path.length - 1) here[step] = value;
    else {
      if (!Object.hasOwn(here, step)) here[step] = {};
      here = here[step] as Record<string | number, unknown>;
    }
  }
}

function nearestParent(root: Node, path: JsonPath): [parent: Node, rest: JsonPath] {
  for (let length = path.length - 1; length > 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return [node, path.slice(length)];
  }
  return [root, path];
}

/** Adds properties at the end of an object. */
function insertions(
  text: string,
  { offset, length, children = [] }: Node,
  properties: Readonly<Record<string, unknown>>,
  style: Style,
): Splice[] {
  const entries = Object.entries(properties);
  const last = children.at(-1);
  if (last === undefined) {
    const inside = entries.map((entry) => memberOf(entry, undefined, style)).join(', ');
    // Before the bracket that closes it: a comment may stand inside.
    return [{ at: offset + length - 1, length: 0, text: ` ${inside} ` }];
  }
  const indent = indentBefore(text, last.offset);
  const members = entries.map((entry) => memberOf(entry, indent, style));
  const end = last.offset + last.length;
  const after = trailing(text, end);
  const [first, at] =
    after.commaEnd === undefined
      ? [[{ at: end, length: 0, text: ',' }], end]
      : [[], after.commaEnd];
  const closing = after.commaEnd === undefined ? '' : ',';
  if (indent === undefined) {
    return [...first, { at, length: 0, text: ` ${members.join(', ')}${closing}` }];
  }
  const glue = `${style.lineEnd}${indent}`;
  const lines = members.map((member) => `${glue}${member}`).join(',');
  return [...first, { at: after.lineEnd, length: 0, text: `${lines}${closing}` }];
}

/** Longer ones are spread over several lines, where the object is. */
const LONGEST_MEMBER = 100;

function memberOf(
  [key, value]: readonly [string, unknown],
  indent: string | undefined,
  { unit, lineEnd }: Style,
): string {
  const name = `${JSON.stringify(key)}: `;
  // Line breaks within strings are escapes, so these are all of the layout.
  const spread = JSON.stringify(value, undefined, unit);
  const inline = `${name}${JSON.stringify(value, undefined, 1).replace(/\n */g, ' ')}`;
  if (indent === undefined || indent.length + inline.length <= LONGEST_MEMBER) return inline;
  return `${name}${spread.replaceAll('\n', `${lineEnd}${indent}`)}`;
}

/** The indentation of what begins a line; undefined where something stands before it. */
function indentBefore(text: string, offset: number): string | undefined {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  return /^[ \t]*$/.test(line) && text.lastIndexOf('\n', offset - 1) !== -1 ? line : undefined;
}

/** jsonc-parser's `SyntaxKind`, a const enum that isolated modules cannot read. */
const COMMA = 5;
const LINE_COMMENT = 12;
const BLOCK_COMMENT = 13;
const LINE_BREAK = 14;
const BLANKS = 15;

/** Where the comma after the last value of an object ends, if there is one, and where the comments of its line do. */
function trailing(
  text: string,
  from: number,
): { readonly commaEnd: number | undefined; readonly lineEnd: number } {
  const scanner = createScanner(text, false);
  scanner.setPosition(from);
  let commaEnd: number | undefined;
  let lineEnd = from;
  let sameLine = true;
  for (;;) {
    const token: number = scanner.scan();
    const end = scanner.getTokenOffset() + scanner.getTokenLength();
    if (token === COMMA && commaEnd === undefined) {
      commaEnd = end;
      lineEnd = end;
      sameLine = true;
    } else if (token === LINE_BREAK) sameLine = false;
    else if (token === LINE_COMMENT || token === BLOCK_COMMENT) {
      if (sameLine) lineEnd = end;
    } else if (token !== BLANKS) return { commaEnd, lineEnd };
  }
}

function styleOf(text: string): Style {
  return {
    unit: /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ',
    lineEnd: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

import {
  compileTemplate,
  type SecretReference,
  type TemplatePart,
  type TemplateProblem,
} from './template.js';

/** What `<<…>>` in a canonical text may name of the request, besides secrets and `header:NAME`. */
const CANONICAL_NAMES = [
  'method',
  'path',
  'query',
  'target',
  'host',
  'body',
  'bodyHash',
  'timestamp',
  'nonce',
] as const;
export type CanonicalName = (typeof CANONICAL_NAMES)[number];

export type CanonicalPart =
  | TemplatePart
  | { readonly type: 'request'; readonly name: CanonicalName }
  /** The value as sent; several of one name joined with ", ", none as an empty text. */
  | { readonly type: 'header'; readonly name: string };

export interface CompiledCanonical {
  readonly parts: readonly CanonicalPart[];
  readonly references: readonly SecretReference[];
  readonly problems: readonly TemplateProblem[];
}

const MARK = /<<([a-zA-Z]+)(?::([!#$%&'*+\-.^_`|~0-9A-Za-z]+))?>>/g;

/**
 * Compiles the text that a signature is made over: a template as `compileTemplate` takes it, in which
 * `<<method>>`, `<<path>>` (as sent, percent-encoded), `<<query>>` (without "?"), `<<target>>` (path and
 * query), `<<host>>`, `<<header:NAME>>`, `<<body>>`, `<<bodyHash>>`, `<<timestamp>>` and `<<nonce>>` stand for
 * parts of the request. Filled in one pass: what the request holds is never read as a template.
 */
export function compileCanonical(text: string): CompiledCanonical {
  const parts: CanonicalPart[] = [];
  const references: SecretReference[] = [];
  const problems: TemplateProblem[] = [];
  let from = 0;
  const literal = (end: number): void => {
    if (end === from) return;
    const compiled = compileTemplate(text.slice(from, end));
    parts.push(...compiled.template.parts);
    references.push(...compiled.template.references);
    for (const problem of compiled.problems) problems.push({ ...problem, at: problem.at + from });
  };
  for (const match of text.matchAll(MARK)) {
    const part = requestPart(match[1] ?? '', match[2]);
    if (part === undefined) continue;
    literal(match.index);
    parts.push(part);
    from = match.index + match[0].length;
  }
  literal(text.length);
  return { parts, references, problems };
}

function requestPart(name: string, argument: string | undefined): CanonicalPart | undefined {
  if (name === 'header' && argument !== undefined) {
    return { type: 'header', name: argument.toLowerCase() };
  }
  const known = CANONICAL_NAMES.find((candidate) => candidate === name);
  return known === undefined || argument !== undefined
    ? undefined
    : { type: 'request', name: known };
}

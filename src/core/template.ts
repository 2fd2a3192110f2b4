import { SECRET_NAME } from './secret.js';
import { looksLikeName, showName } from './show-name.js';

/** One secret named by a template: `NAME`, `NAME.field`, `NAME@3`, `NAME.field@3`. */
export interface SecretReference {
  readonly name: string;
  readonly field: string | undefined;
  /** A pinned version; undefined = the environment's current one. */
  readonly version: number | undefined;
}

export type TemplatePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'secret'; readonly reference: SecretReference }
  /** RFC 7617: `Basic ` + base64(user:password). */
  | { readonly type: 'basic'; readonly user: SecretReference; readonly password: SecretReference }
  | { readonly type: 'base64'; readonly reference: SecretReference };

export interface Template {
  readonly parts: readonly TemplatePart[];
  readonly references: readonly SecretReference[];
}

export interface TemplateProblem {
  /** 0-based position in the template's text. */
  readonly at: number;
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

export interface CompiledTemplate {
  readonly template: Template;
  readonly problems: readonly TemplateProblem[];
}

const FUNCTIONS = ['secret', 'basic', 'base64'] as const;
const REFERENCE = /^([^.@]*)(?:\.([a-zA-Z][a-zA-Z0-9_-]{0,127}))?(?:@([1-9][0-9]{0,8}))?$/;
const EXPECTED =
  'expected <<secret:NAME>>, <<secret:NAME@VERSION>>, <<basic:USER,PASSWORD>> or <<base64:NAME>>';

/**
 * Compiles a header or query template in one pass. `<<…>>` is the form to write; `{{…}}` means the same;
 * a bare `{{NAME}}` works and warns. Text outside the marks is literal. Never throws: what is wrong is in
 * `problems`, and a template with errors must not be rendered.
 */
export function compileTemplate(text: string): CompiledTemplate {
  const parts: TemplatePart[] = [];
  const references: SecretReference[] = [];
  const problems: TemplateProblem[] = [];
  let from = 0;
  for (const { mark, end } of marksIn(text)) {
    if (mark.at > from) parts.push({ type: 'text', text: text.slice(from, mark.at) });
    if (end === undefined) {
      problems.push({
        at: mark.at,
        severity: 'error',
        message: `"${mark.open}" is never closed with "${mark.close}"`,
      });
      return { template: { parts, references }, problems };
    }
    const part = compilePart(text.slice(mark.at + 2, end), mark, problems);
    if (part !== undefined) {
      parts.push(part);
      references.push(...referencesOf(part));
    }
    from = end + 2;
  }
  if (from < text.length) parts.push({ type: 'text', text: text.slice(from) });
  return { template: { parts, references }, problems };
}

interface Mark {
  readonly at: number;
  readonly open: string;
  readonly close: string;
}

function nextMark(text: string, from: number): Mark | undefined {
  const angle = text.indexOf('<<', from);
  const brace = text.indexOf('{{', from);
  if (angle === -1 && brace === -1) return undefined;
  if (brace === -1 || (angle !== -1 && angle < brace))
    return { at: angle, open: '<<', close: '>>' };
  return { at: brace, open: '{{', close: '}}' };
}

/** Where templates stand in a text, and where each is closed; undefined = it is not, and nothing follows. */
function* marksIn(text: string): Generator<{ mark: Mark; end: number | undefined }> {
  for (let mark = nextMark(text, 0); mark !== undefined; ) {
    const end = text.indexOf(mark.close, mark.at + 2);
    yield { mark, end: end === -1 ? undefined : end };
    mark = end === -1 ? undefined : nextMark(text, end + 2);
  }
}

/** `NAME`, `NAME.field` and the spaces around it, as they stand behind "secret:" or between commas. */
const NAMED = /^(\s*)([^.@\s]+)((?:\.[^@\s]*)?\s*)$/;

/**
 * The text with another secret in the place of `from`, wherever a template names it without a version; all else
 * stays as it is written. A reference that pins a version stays.
 */
export function renameInTemplate(text: string, from: string, to: string): string {
  let renamed = '';
  let copied = 0;
  const rename = (name: string): string =>
    name.replace(NAMED, (whole, before: string, found: string, after: string) =>
      found === from ? `${before}${to}${after}` : whole,
    );
  for (const { mark, end } of marksIn(text)) {
    if (end === undefined) break;
    const inner = text.slice(mark.at + 2, end);
    const colon = inner.indexOf(':');
    const isFunction = FUNCTIONS.some((known) => known === inner.slice(0, colon));
    if (colon === -1 ? mark.open !== '{{' : !isFunction) continue;
    const names = inner
      .slice(colon + 1)
      .split(',')
      .map(rename)
      .join(',');
    renamed += text.slice(copied, mark.at + 2 + colon + 1) + names;
    copied = end;
  }
  return renamed + text.slice(copied);
}

function compilePart(
  inner: string,
  mark: Mark,
  problems: TemplateProblem[],
): TemplatePart | undefined {
  const fail = (message: string): undefined => {
    problems.push({ at: mark.at, severity: 'error', message });
    return undefined;
  };
  const colon = inner.indexOf(':');
  if (colon === -1) {
    const reference = parseReference(inner);
    if (mark.open === '{{' && reference !== undefined) {
      const shown = looksLikeName(inner) ? inner : 'NAME';
      problems.push({
        at: mark.at,
        severity: 'warning',
        message: `write <<secret:${shown}>> instead of {{${shown}}}`,
      });
      return { type: 'secret', reference };
    }
    return fail(`${showName(inner)} in "${mark.open}…${mark.close}" is no template: ${EXPECTED}`);
  }
  const name = inner.slice(0, colon);
  const names = inner.slice(colon + 1).split(',');
  const parsed = names.map((text) => parseReference(text.trim()));
  const bad = parsed.indexOf(undefined);
  if (!FUNCTIONS.some((known) => known === name)) {
    return fail(`${showName(name)} before ":" is not a template function: ${EXPECTED}`);
  }
  if (bad !== -1) {
    return fail(
      `${showName(names[bad]?.trim() ?? '')} is not a secret's name: a letter, then up to 127 letters, digits, "_" or "-", ` +
        'then optionally ".field" and "@version"',
    );
  }
  const [first, second, ...more] = parsed;
  if (name === 'basic') {
    if (first === undefined || second === undefined || more.length > 0) {
      return fail('"basic" takes two secrets: <<basic:USER_SECRET,PASSWORD_SECRET>>');
    }
    return { type: 'basic', user: first, password: second };
  }
  if (first === undefined || second !== undefined) {
    return fail(`"${name}" takes one secret: <<${name}:NAME>>`);
  }
  return name === 'base64'
    ? { type: 'base64', reference: first }
    : { type: 'secret', reference: first };
}

function parseReference(text: string): SecretReference | undefined {
  const match = REFERENCE.exec(text);
  const name = match?.[1];
  if (match === null || name === undefined || !SECRET_NAME.test(name)) return undefined;
  return { name, field: match[2], version: match[3] === undefined ? undefined : Number(match[3]) };
}

/** A template of this part alone. */
export function templateOf(part: TemplatePart): Template {
  return { parts: [part], references: referencesOf(part) };
}

function referencesOf(part: TemplatePart): SecretReference[] {
  if (part.type === 'text') return [];
  if (part.type === 'basic') return [part.user, part.password];
  return [part.reference];
}

/**
 * Fills a template in one pass: a value that itself contains a template is inert. The result is a string
 * of one character per byte (latin1), as `node:http` and undici write header values. `resolve` gives the
 * bytes for a reference.
 */
export function renderTemplate(
  template: Template,
  resolve: (reference: SecretReference) => Uint8Array,
): string {
  let text = '';
  for (const part of template.parts) {
    switch (part.type) {
      case 'text':
        text += Buffer.from(part.text, 'utf8').toString('latin1');
        break;
      case 'secret':
        text += latin1(resolve(part.reference));
        break;
      case 'base64':
        text += Buffer.from(resolve(part.reference)).toString('base64');
        break;
      case 'basic': {
        const pair = [resolve(part.user), Buffer.from(':'), resolve(part.password)];
        text += `Basic ${Buffer.concat(pair).toString('base64')}`;
      }
    }
  }
  return text;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

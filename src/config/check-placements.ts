import { compileTemplate, normaliseHeaderName, type Template } from '../core/index.js';
import { type Finding, type JsonPath, quote } from './finding.js';

/** RFC 9110 section 5.6.2: `token`. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Headers that a route may not place: hop-by-hop ones (RFC 9110 section 7.6.1), those that frame the message
 * or choose its target, and those that undici refuses.
 */
const NOT_TO_PLACE = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Our own headers: they never go on to an upstream. */
const OWN_PREFIX = 'keyferry-';
/** Set on every request, the same as in the log. */
const REQUEST_ID = 'x-request-id';

type Entries = Readonly<Record<string, string | undefined>>;

/** Checks the headers to place: names by RFC 9110, one spelling of each, templates that compile. */
export function checkHeaders(headers: Entries, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const spellings = new Map<string, string>();
  for (const [name, text] of Object.entries(headers)) {
    const here = [...path, name];
    const error = (message: string): void => {
      findings.push({ path: here, severity: 'error', message });
    };
    const same = normaliseHeaderName(name);
    const other = spellings.get(same);
    const problem = headerNameProblem(name);
    if (problem !== undefined) error(problem);
    else if (other !== undefined) {
      error(`${name} and ${other} are one header to an upstream; keep one`);
    }
    spellings.set(same, name);
    if (text === undefined) continue;
    const { references } = checkTemplate(text, here, findings);
    const plain = references.length === 0 && text !== '' && !/<<|\{\{/.test(text);
    if (plain && looksLikeCredential(same)) {
      const message = `${name} has no template: a credential belongs in a secret, as <<secret:NAME>>`;
      findings.push({ path: here, severity: 'warning', message });
    }
  }
  return findings;
}

/** Why a route cannot place a header of this name; undefined when it can. */
export function headerNameProblem(name: string): string | undefined {
  const same = normaliseHeaderName(name);
  if (!TOKEN.test(name)) {
    return `${quote(name)} is not a header name: letters, digits and !#$%&'*+-.^_\`|~ are`;
  }
  if (NOT_TO_PLACE.has(same)) {
    return `${name} belongs to the connection, not to the request: a route cannot place it`;
  }
  if (same.startsWith(OWN_PREFIX) || same === REQUEST_ID) {
    return `${name} is Keyferry's own: a route cannot place it`;
  }
  return undefined;
}

/** Checks the query parameters to place: names that are not empty, templates that compile. */
export function checkQuery(query: Entries, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  for (const [name, text] of Object.entries(query)) {
    const here = [...path, name];
    if (name === '' || /\p{Cc}/u.test(name)) {
      const message = `found ${quote(name)}; the name of a query parameter is expected, as plain text`;
      findings.push({ path: here, severity: 'error', message });
    }
    if (text !== undefined) checkTemplate(text, here, findings);
  }
  return findings;
}

/** Checks that a template compiles and holds no control character; adds what is wrong to `findings`. */
export function checkTemplate(text: string, path: JsonPath, findings: Finding[]): Template {
  const { template, problems } = compileTemplate(text);
  for (const { at, message, severity } of problems) {
    findings.push({ path, severity, message: `${message} (at character ${at + 1})` });
  }
  const control = text.search(/\p{Cc}/u);
  if (control !== -1) {
    const message = `character ${control + 1} is a control character`;
    findings.push({ path, severity: 'error', message });
  }
  const doubled = template.parts.some((part, index) => {
    const before = template.parts[index - 1];
    return part.type === 'basic' && before?.type === 'text' && /basic\s*$/i.test(before.text);
  });
  if (doubled) {
    const message = '<<basic:…>> already writes "Basic " in front; leave it out';
    findings.push({ path, severity: 'warning', message });
  }
  return template;
}

function looksLikeCredential(name: string): boolean {
  return name === 'authorization' || /(?:^|-)(?:api-?key|token|secret|password)$/.test(name);
}

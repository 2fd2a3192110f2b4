import { type BodyPlacement, pointerTokens } from '../core/index.js';
import { checkTemplate } from './check-placements.js';
import { type Finding, type JsonPath, quote } from './finding.js';
import { pathProblem } from './path-form.js';
import type { Salvaged } from './salvage.js';

/** Checks a path to place: `pathProblem`'s form, each template standing for a part of a segment. */
export function checkPath(text: string, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const { parts } = checkTemplate(text, path, findings);
  if (findings.some(({ severity }) => severity === 'error')) return findings;
  const form = parts.map((part) => (part.type === 'text' ? part.text : 'x')).join('');
  const problem = formProblem(form);
  if (problem !== undefined) findings.push({ path, severity: 'error', message: problem });
  return findings;
}

function formProblem(form: string): string | undefined {
  if (!form.startsWith('/')) return 'it must begin with "/"';
  if (form.endsWith('/')) return 'leave out the "/" at the end: the path of the request follows';
  return pathProblem(form);
}

/** Checks the fields of a body to set: pointers and names, none inside another, templates that compile. */
export function checkBody(body: Salvaged<BodyPlacement>, path: JsonPath): Finding[] {
  const findings: Finding[] = [];
  const pointers = Object.keys(body.json ?? {});
  for (const [pointer, text] of Object.entries(body.json ?? {})) {
    const here = [...path, 'json', pointer];
    const error = (message: string): void => {
      findings.push({ path: here, severity: 'error', message });
    };
    if (pointerTokens(pointer) === undefined) {
      error(
        `found ${quote(pointer)}; a JSON pointer is expected, as /auth/apiKey ("~1" is a "/" within a key, "~0" a "~")`,
      );
    }
    const outer = pointers.find((other) => pointer.startsWith(`${other}/`));
    if (outer !== undefined) error(`it lies within ${quote(outer)}, which is set too; keep one`);
    if (text !== undefined) checkTemplate(text, here, findings);
  }
  for (const [name, text] of Object.entries(body.form ?? {})) {
    const here = [...path, 'form', name];
    if (name === '' || /\p{Cc}/u.test(name)) {
      const message = `found ${quote(name)}; the name of a form field is expected, as plain text`;
      findings.push({ path: here, severity: 'error', message });
    }
    if (text !== undefined) checkTemplate(text, here, findings);
  }
  return findings;
}

import type { Problem, RoutesDocument } from '../core/index.js';
import { checkPresence, checkRoute } from './check-route.js';
import { checkStructure } from './check-structure.js';
import { findConflicts } from './find-conflicts.js';
import { type Finding, type Locate, MOST_FINDINGS, problemsOf } from './finding.js';
import { readJsonDocument } from './read-json-document.js';
import { at } from './salvage.js';

/** A routes document as it was found. */
export interface CheckedRoutes {
  /** Undefined when there are problems. */
  readonly document: RoutesDocument | undefined;
  /** What must be put right, everything at once. */
  readonly problems: readonly Problem[];
  /** What works but should be changed. */
  readonly warnings: readonly Problem[];
  /** Where a path of the document stands in the text that it was read from. */
  readonly locate: Locate;
}

/**
 * Checks a routes document by itself: structure, ranges, forms, templates, and routes that match the same
 * requests. Every problem is reported with its JSON path, what was found and what was expected (of a document
 * with thousands, the first about 1,000); texts that may hold a credential (placed values, upstreams with a
 * password) are never shown. Never throws.
 */
export function checkRoutesDocument(value: unknown): CheckedRoutes {
  return check(value, [], () => undefined);
}

/**
 * Reads a routes document from JSON with comments and trailing commas, then checks it as
 * `checkRoutesDocument` does; problems carry line and column too. A repeated key is a problem. `fileName`
 * stands in front of problems of syntax. Never throws.
 */
export function parseRoutesText(text: string, fileName = 'routes document'): CheckedRoutes {
  const reading = readJsonDocument(text);
  if (!reading.ok) {
    const problems = reading.errors.map((error) => ({ path: fileName, ...error }));
    return { document: undefined, problems, warnings: [], locate: () => undefined };
  }
  return check(reading.document.value, reading.findings, reading.document.locate);
}

function check(value: unknown, earlier: readonly Finding[], locate: Locate): CheckedRoutes {
  const structure = checkStructure(value);
  const routes = structure.rest?.routes ?? [];
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  const add = (findings: readonly Finding[]): void => {
    for (const finding of findings) {
      if (finding.severity === 'error') errors.push(finding);
      else if (warnings.length < MOST_FINDINGS) warnings.push(finding);
    }
  };
  add(earlier);
  add(structure.findings);
  for (const [index, route] of routes.entries()) {
    if (errors.length >= MOST_FINDINGS) break;
    const path = ['routes', index];
    add(checkPresence(at(value, path), path));
    if (route !== undefined) add(checkRoute(route, path));
  }
  if (errors.length < MOST_FINDINGS) add(findConflicts(routes, ['routes']));
  const problems = problemsOf(errors, 'error', locate);
  // Nothing was salvaged away where there is no problem: the rest is the whole.
  const document = problems.length === 0 ? (structure.rest as RoutesDocument) : undefined;
  return { document, problems, warnings: problemsOf(warnings, 'warning', locate), locate };
}

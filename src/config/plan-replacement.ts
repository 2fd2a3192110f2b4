import type { Problem, RouteReference, RoutesDocument } from '../core/index.js';
import { checkFacts, type RouteFacts } from './check-facts.js';
import { problemsOf } from './finding.js';
import { namedSecrets, routeReferences } from './named-secrets.js';
import { type ReplacedText, replaceSecret, type SecretReplacement } from './replace-secret.js';

/** A well-formed document that is to follow the one in use. */
export interface PlannedRoutes {
  readonly document: RoutesDocument;
  readonly references: readonly RouteReference[];
  /** What it brings that is wrong: missing values, hosts that are not allowed. Empty = it can be applied. */
  readonly problems: readonly Problem[];
}

/** The same where one secret takes the place of another. */
export interface PlannedReplacement extends PlannedRoutes {
  /** Empty where no route names the secret in the environment. */
  readonly changes: readonly ReplacedText[];
  /** Places that name a version of it: they stay as they are. */
  readonly pinned: readonly Problem[];
}

/** Plans a change of the document in use. What was wrong with that one before is not held against it. */
export async function planRoutes(
  before: RoutesDocument,
  document: RoutesDocument,
  facts: RouteFacts,
): Promise<PlannedRoutes> {
  const known = new Set((await problemsIn(before, facts)).map(textOf));
  const found = await problemsIn(document, facts);
  return {
    document,
    references: routeReferences(namedSecrets(document)),
    problems: found.filter((problem) => !known.has(textOf(problem))),
  };
}

/** Plans to replace a secret in the document in use. */
export async function planReplacement(
  before: RoutesDocument,
  replacement: SecretReplacement,
  facts: RouteFacts,
): Promise<PlannedReplacement> {
  const { document, changes, pinned } = replaceSecret(before, replacement);
  return { ...(await planRoutes(before, document, facts)), changes, pinned };
}

async function problemsIn(document: RoutesDocument, facts: RouteFacts): Promise<Problem[]> {
  const findings = await checkFacts(document, namedSecrets(document), facts, false);
  return problemsOf(findings, 'error', () => undefined);
}

function textOf({ path, message }: Problem): string {
  return JSON.stringify([path, message]);
}

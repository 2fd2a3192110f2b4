import type { Problem, RouteReference, RoutesDocument } from '../core/index.js';
import { checkFacts, type RouteFacts } from './check-facts.js';
import { problemsOf } from './finding.js';
import { namedSecrets, routeReferences } from './named-secrets.js';
import { type ReplacedText, replaceSecret, type SecretReplacement } from './replace-secret.js';

/** What becomes of a document where one secret takes the place of another. */
export interface PlannedReplacement {
  readonly document: RoutesDocument;
  readonly references: readonly RouteReference[];
  /** Empty where no route names the secret in the environment. */
  readonly changes: readonly ReplacedText[];
  /** What speaks against it: versions that are pinned, a value that is missing, hosts that are not allowed. */
  readonly problems: readonly Problem[];
}

/** Plans it for a document that is in use: what was wrong with that one before is not held against it. */
export async function planReplacement(
  document: RoutesDocument,
  replacement: SecretReplacement,
  facts: RouteFacts,
): Promise<PlannedReplacement> {
  const { document: next, changes, pinned } = replaceSecret(document, replacement);
  const before = new Set((await problemsIn(document, facts)).map(textOf));
  const after = await problemsIn(next, facts);
  return {
    document: next,
    references: routeReferences(namedSecrets(next)),
    changes,
    problems: [...pinned, ...after.filter((problem) => !before.has(textOf(problem)))],
  };
}

async function problemsIn(document: RoutesDocument, facts: RouteFacts): Promise<Problem[]> {
  const findings = await checkFacts(document, namedSecrets(document), facts, false);
  return problemsOf(findings, 'error', () => undefined);
}

function textOf({ path, message }: Problem): string {
  return JSON.stringify([path, message]);
}

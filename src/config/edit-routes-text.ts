import { isDeepStrictEqual } from 'node:util';
import { AppError, type Problem, type RoutesDocument } from '../core/index.js';
import { parseRoutesText } from './check-routes-document.js';
import { setInJsonText } from './edit-json.js';
import { replaceSecret, type SecretReplacement } from './replace-secret.js';

/** A routes file as it is, and as it would be. */
export interface EditedRoutesText {
  /** The same text where nothing is to be changed. */
  readonly text: string;
  readonly before: RoutesDocument;
  readonly after: RoutesDocument;
  /** Places that pin a version of a secret that is to be replaced. They stay as they are. */
  readonly pinned: readonly Problem[];
}

/**
 * Replaces secrets in the text of a routes document, one after another; comments and layout stay. Throws
 * `routes_invalid` with all problems when the text is no routes document.
 */
export function replaceSecretsInText(
  text: string,
  fileName: string,
  replacements: readonly SecretReplacement[],
): EditedRoutesText {
  const before = documentOf(text, fileName);
  const pinned: Problem[] = [];
  let edited = text;
  let after = before;
  for (const replacement of replacements) {
    const replaced = replaceSecret(after, replacement);
    pinned.push(...replaced.pinned);
    edited = setInJsonText(edited, replaced.edits);
    after = replaced.document;
  }
  if (!isDeepStrictEqual(documentOf(edited, fileName), after)) {
    throw new AppError(
      'internal_error',
      `The edited text of ${fileName} does not say what it should. Nothing was changed.`,
    );
  }
  return { text: edited, before, after, pinned };
}

function documentOf(text: string, fileName: string): RoutesDocument {
  const { document, problems } = parseRoutesText(text, fileName);
  if (document !== undefined) return document;
  const [first] = problems;
  throw new AppError('routes_invalid', `${first?.path}: ${first?.message}.`, { problems });
}

import { isDeepStrictEqual } from 'node:util';
import {
  type Actor,
  AppError,
  type Problem,
  type RouteReference,
  type RoutesDocument,
  type RoutesRevision,
  type Store,
} from '../core/index.js';
import { checkFacts, type RouteFacts } from './check-facts.js';
import {
  type CheckedRoutes,
  checkRoutesDocument,
  parseRoutesText,
} from './check-routes-document.js';
import { problemsOf } from './finding.js';
import { guardCutovers } from './guard-cutovers.js';
import { namedSecrets, routeReferences } from './named-secrets.js';
import { type PlannedReplacement, planReplacement } from './plan-replacement.js';
import { namedIn, type SecretReplacement } from './replace-secret.js';

/** What routes are kept in and checked against. */
export type RoutesStore = RouteFacts &
  Pick<Store, 'applyRoutes' | 'currentRoutes' | 'getRevision' | 'runningCutovers'>;

/** A routes document: as text with comments, or as a JSON value. */
export type RoutesInput =
  | { readonly text: string; readonly fileName?: string | undefined }
  | { readonly document: unknown };

interface Leniency {
  /** Let a secret without a value pass, as a warning; its requests fail with `secret_missing`. */
  readonly allowMissing?: boolean | undefined;
}

/** A document with all that is wrong or doubtful about it. */
export interface RoutesValidation {
  /** Undefined when its form is wrong; facts are checked only for a well-formed one. */
  readonly document: RoutesDocument | undefined;
  readonly references: readonly RouteReference[];
  /** Empty = it can be applied. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface AppliedRoutes {
  readonly revision: RoutesRevision;
  readonly warnings: readonly Problem[];
  /** False when the document is the applied one already: no revision was added. */
  readonly changed: boolean;
}

export interface RoutesControl {
  /** Checks a document by itself and against the store; changes nothing. */
  validate(input: RoutesInput & Leniency): Promise<RoutesValidation>;
  /**
   * Checks a document and makes it the next revision. Throws `routes_invalid` with all problems and changes
   * nothing; `precondition_failed` when `ifRevision` is not the applied one.
   */
  apply(
    command: RoutesInput &
      Leniency & {
        readonly actor: Actor;
        readonly source: 'file' | 'api';
        readonly ifRevision?: number | undefined;
      },
  ): Promise<AppliedRoutes>;
  /**
   * Applies the document of an earlier revision anew, as the next one, checked against today's facts.
   * Throws `not_found` too.
   */
  restore(
    command: Leniency & {
      readonly revision: number;
      readonly actor: Actor;
      readonly ifRevision?: number | undefined;
    },
  ): Promise<AppliedRoutes>;
  /** What the applied routes become where one secret takes the place of another. Changes nothing. */
  planReplacement(replacement: SecretReplacement): Promise<RoutesReplacement>;
}

/** What the applied routes become where one secret takes the place of another. */
export interface RoutesReplacement extends PlannedReplacement {
  /** Of the applied routes; 0 before the first. */
  readonly revision: number;
  /** Places that name the new secret already. */
  readonly named: readonly string[];
}

/** The one way in which routes documents are accepted, from a file, the API or the console. */
export function createRoutesControl({ store }: { readonly store: RoutesStore }): RoutesControl {
  const validate = (input: RoutesInput & Leniency): Promise<RoutesValidation> =>
    check(store, readInput(input), input.allowMissing ?? false);
  /** The revision that a document must follow, where a cutover may apply another one at any time. */
  const baseOf = async (
    current: RoutesRevision | undefined,
    document: RoutesDocument,
  ): Promise<number | undefined> =>
    (await guardCutovers(store, current?.document, document))
      ? (current?.revision ?? 0)
      : undefined;
  return {
    validate,
    async apply(command) {
      const { actor, source, ifRevision } = command;
      const { document, references, warnings } = required(await validate(command));
      const current = await store.currentRoutes();
      const expected = ifRevision === undefined || ifRevision === current?.revision;
      if (current !== undefined && expected && isDeepStrictEqual(current.document, document)) {
        // Who holds them is told by the newest revision.
        if (current.source === source) return { revision: current, warnings, changed: false };
      }
      const change = { actor, source, document, references };
      // A file is followed: what it may bring into use was seen to by who follows it.
      const base = actor.type === 'file' ? undefined : await baseOf(current, document);
      const revision = await store.applyRoutes({ ...change, ifRevision: ifRevision ?? base });
      return { revision, warnings, changed: true };
    },
    async restore({ revision, actor, ifRevision, allowMissing }) {
      const earlier = await store.getRevision(revision);
      if (earlier === undefined) {
        throw new AppError('not_found', `There is no routes revision ${revision}.`);
      }
      const validation = await validate({ document: earlier.document, allowMissing });
      const { document, references, warnings } = required(validation);
      const base = await baseOf(await store.currentRoutes(), document);
      const change = {
        actor,
        ifRevision: ifRevision ?? base,
        document,
        references,
        restores: revision,
      };
      const restored = await store.applyRoutes({ ...change, source: 'api' });
      return { revision: restored, warnings, changed: true };
    },
    async planReplacement(replacement) {
      const current = await store.currentRoutes();
      const document = current?.document ?? { routes: [] };
      const planned = await planReplacement(document, replacement, store);
      const named = namedIn(document, replacement.to, replacement.environment);
      return { ...planned, named, revision: current?.revision ?? 0 };
    },
  };
}

function readInput(input: RoutesInput): CheckedRoutes {
  return 'text' in input
    ? parseRoutesText(input.text, input.fileName)
    : checkRoutesDocument(input.document);
}

async function check(
  facts: RouteFacts,
  { document, problems, warnings, locate }: CheckedRoutes,
  allowMissing: boolean,
): Promise<RoutesValidation> {
  if (document === undefined) return { document, references: [], problems, warnings };
  const named = namedSecrets(document);
  const findings = await checkFacts(document, named, facts, allowMissing);
  return {
    document,
    references: routeReferences(named),
    problems: problemsOf(findings, 'error', locate),
    warnings: [...warnings, ...problemsOf(findings, 'warning', locate)],
  };
}

function required({ document, problems, ...rest }: RoutesValidation) {
  const [first] = problems;
  if (document !== undefined && first === undefined) return { document, ...rest };
  const more = problems.length <= 1 ? '' : ` (and ${problems.length - 1} more)`;
  const detail = `${first?.path}: ${first?.message}${more}. Nothing was changed.`;
  throw new AppError('routes_invalid', detail, { problems });
}

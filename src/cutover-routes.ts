/** How cutovers by name move the routes: in the store, or as far as the routes file says it. */
import { namedIn, type PlannedRoutes, planReplacement, planRoutes } from './config/index.js';
import {
  AppError,
  type Cutover,
  type CutoverRoutes,
  type CutoverStore,
  type RoutesChange,
  type RoutesDocument,
  type RoutesRevision,
  type RoutesStep,
  type Store,
} from './core/index.js';
import { findHeldSecrets, withoutHeld } from './held-secrets.js';

interface CutoverRoutesOptions {
  readonly store: Store;
  /** What the routes file says; undefined where the store holds the routes. */
  readonly written: (() => RoutesDocument | undefined) | undefined;
}

const NO_ROUTES: RoutesDocument = { routes: [] };

export function createCutoverRoutes({ store, written }: CutoverRoutesOptions): CutoverRoutes {
  /** As the routes are, with one in the place of the other. */
  const replaced = async (from: string, to: string, environment: string): Promise<RoutesStep> => {
    const current = await store.currentRoutes();
    const document = current?.document ?? NO_ROUTES;
    const planned = await planReplacement(document, { from, to, environment }, store);
    if (planned.changes.length === 0) {
      return namedIn(document, to, environment).length > 0
        ? { type: 'done' }
        : refused(`No route names "${from}" or "${to}" in ${environment} any more.`);
    }
    return step(current, planned, 'api');
  };

  const asWritten = async (cutover: Cutover, toSecret: string): Promise<RoutesStep> => {
    const { secret, environment } = cutover;
    const file = written?.() ?? NO_ROUTES;
    if (namedIn(file, secret, environment).length > 0) return { type: 'wait' };
    if (namedIn(file, toSecret, environment).length === 0) {
      return refused(
        `The routes file names neither "${secret}" nor "${toSecret}" in ${environment}.`,
      );
    }
    const current = await store.currentRoutes();
    const held = await findHeldSecrets(store);
    const others = held.filter(({ cutoverId }) => cutoverId !== cutover.id);
    const document = withoutHeld(file, others);
    const planned = await planRoutes(current?.document ?? NO_ROUTES, document, store);
    return step(current, planned, document === file ? 'file' : 'api');
  };

  return {
    forward(cutover) {
      const { secret, environment } = cutover;
      const toSecret = requireByName(cutover);
      return written === undefined
        ? replaced(secret, toSecret, environment)
        : asWritten(cutover, toSecret);
    },
    back(cutover) {
      return replaced(requireByName(cutover), cutover.secret, cutover.environment);
    },
  };
}

function step(
  current: RoutesRevision | undefined,
  { document, references, problems }: PlannedRoutes,
  source: RoutesChange['source'],
): RoutesStep {
  const [problem] = problems;
  if (problem !== undefined) return refused(`${problem.path}: ${problem.message}.`);
  const ifRevision = current?.revision ?? 0;
  return { type: 'apply', change: { document, references, ifRevision, source } };
}

function refused(reason: string): RoutesStep {
  return { type: 'refused', reason };
}

function requireByName({ toSecret, id }: Cutover): string {
  if (toSecret !== null) return toSecret;
  throw new AppError('internal_error', `Cutover ${id} is one of versions.`);
}

type Endings = Pick<CutoverStore, 'completeCutover' | 'rollbackCutover'>;

/**
 * A store whose cutovers by name are ended with the routes that belong to the end: for those who decide by hand.
 * Throws `conflict` where the routes cannot say it.
 */
export function endingWithRoutes(store: Store, routes: CutoverRoutes): Store {
  const changeFor = async (
    id: string,
    direction: 'forward' | 'back',
  ): Promise<RoutesChange | undefined> => {
    const cutover = await store.getCutover(id);
    if (cutover === undefined || cutover.toSecret === null || cutover.endedAtMs !== null) {
      return undefined;
    }
    // Before it is current, the routes still name the old one.
    if ((cutover.state === 'CURRENT') !== (direction === 'back')) return undefined;
    const found = await routes[direction](cutover);
    switch (found.type) {
      case 'apply':
        return found.change;
      case 'done':
        return undefined;
      case 'wait':
        throw new AppError(
          'conflict',
          `The routes file still names "${cutover.secret}" in ${cutover.environment}: name "${cutover.toSecret}" there first.`,
        );
      case 'refused':
        throw new AppError('conflict', found.reason);
    }
  };
  const endings: Endings = {
    completeCutover: async (command) =>
      store.completeCutover({ ...command, routes: await changeFor(command.id, 'forward') }),
    rollbackCutover: async (command) =>
      store.rollbackCutover({ ...command, routes: await changeFor(command.id, 'back') }),
  };
  return { ...store, ...endings };
}

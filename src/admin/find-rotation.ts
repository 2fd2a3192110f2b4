import {
  type Admin,
  AppError,
  isRunEnded,
  type Rotation,
  type RotationFilter,
  type RotationRun,
  type Store,
} from '../core/index.js';
import { environmentsFilter } from './find-secret.js';
import { coversEnvironment, coversSecretName, outsideScope } from './scope.js';
import { wholeList } from './whole-list.js';

/** Throws `not_found` for one that is not there, and as if it were not for one outside the scope. */
export function requireVisibleRotation(admin: Admin, rotation: Rotation | undefined): Rotation {
  if (rotation === undefined) {
    throw new AppError('not_found', 'There is no rotation with this id.');
  }
  if (!seesRotation(admin, rotation)) throw outsideScope();
  return rotation;
}

/** Whether it lies within what the admin is limited to. */
export function seesRotation(admin: Admin, { secret, environment }: Rotation): boolean {
  return coversEnvironment(admin, environment) && coversSecretName(admin, secret);
}

/** What to pass to the store for what this admin may see. */
export function rotationsOf(admin: Admin): Pick<RotationFilter, 'environments' | 'secretPrefix'> {
  return {
    environments: environmentsFilter(admin),
    secretPrefix: admin.secretPrefix ?? undefined,
  };
}

/** The run that is open. Throws `conflict` where there is none. */
export function requireOpenRun({ run, secret, environment }: Rotation): RotationRun {
  if (run !== null && !isRunEnded(run.state)) return run;
  throw new AppError('conflict', `No run of ${secret} in ${environment} is open.`);
}

/** Those of these secrets that the admin sees. */
export async function rotationsOfSecrets(
  store: Store,
  admin: Admin,
  secrets: readonly { readonly name: string }[],
): Promise<Rotation[]> {
  const names = secrets.map(({ name }) => name);
  if (names.length === 0) return [];
  return wholeList((page) =>
    store.listRotations({ ...rotationsOf(admin), secrets: names, ...page }),
  );
}

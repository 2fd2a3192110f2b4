import { type Admin, AppError, type Cutover } from '../core/index.js';
import { coversEnvironment, coversSecretName, outsideScope } from './scope.js';

/** Throws `not_found` for one that is not there, and as if it were not for one outside the scope. */
export function requireVisible(admin: Admin, cutover: Cutover | undefined): Cutover {
  if (cutover === undefined) {
    throw new AppError('not_found', 'There is no cutover with this id.');
  }
  if (!seesCutover(admin, cutover)) throw outsideScope();
  return cutover;
}

/** Whether it lies within what the admin is limited to. */
export function seesCutover(admin: Admin, { secret, toSecret, environment }: Cutover): boolean {
  const names = [secret, toSecret ?? secret];
  return (
    coversEnvironment(admin, environment) && names.every((name) => coversSecretName(admin, name))
  );
}

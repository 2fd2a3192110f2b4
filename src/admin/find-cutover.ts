import { type Admin, AppError, type Cutover } from '../core/index.js';
import { coversEnvironment, coversSecretName, outsideScope } from './scope.js';

/** Throws `not_found` for one that is not there, and as if it were not for one outside the scope. */
export function requireVisible(admin: Admin, cutover: Cutover | undefined): Cutover {
  if (cutover === undefined) {
    throw new AppError('not_found', 'There is no cutover with this id.');
  }
  const names = [cutover.secret, cutover.toSecret ?? cutover.secret];
  if (!coversEnvironment(admin, cutover.environment)) throw outsideScope();
  if (!names.every((name) => coversSecretName(admin, name))) throw outsideScope();
  return cutover;
}

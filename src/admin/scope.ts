import { type Admin, AppError, coversRole, type Role } from '../core/index.js';

/** What a token is limited to; null = no limit of that sort. */
export type Scope = Pick<Admin, 'environments' | 'secretPrefix'>;

/** Whether the token is limited at all. */
export function isScoped(scope: Scope): boolean {
  return scope.environments !== null || scope.secretPrefix !== null;
}

export function coversEnvironment(scope: Scope, environment: string): boolean {
  return scope.environments === null || scope.environments.includes(environment);
}

export function coversSecretName(scope: Scope, name: string): boolean {
  return scope.secretPrefix === null || name.startsWith(scope.secretPrefix);
}

/** Whether everything that `inner` reaches, `outer` reaches too. */
export function coversScope(outer: Scope, inner: Scope): boolean {
  const environments =
    outer.environments === null ||
    (inner.environments?.every((environment) => coversEnvironment(outer, environment)) ?? false);
  const prefix =
    outer.secretPrefix === null || (inner.secretPrefix?.startsWith(outer.secretPrefix) ?? false);
  return environments && prefix;
}

/** Throws `not_found` for an environment outside the scope, as if it did not exist. */
export function requireEnvironment(scope: Scope, environment: string): void {
  if (!coversEnvironment(scope, environment)) throw outsideScope();
}

/** Throws `not_found` for a secret's name outside the scope, as if it did not exist. */
export function requireSecretName(scope: Scope, name: string): void {
  if (!coversSecretName(scope, name)) throw outsideScope();
}

/** The one answer for what does not exist and for what the token may not see. */
export function outsideScope(): AppError {
  return new AppError(
    'not_found',
    'It does not exist, or it is outside what this token is limited to.',
  );
}

/** Throws `forbidden` when the token's role is below `needed`. */
export function requireRole(admin: Admin, needed: Role): void {
  if (coversRole(admin.role, needed)) return;
  throw new AppError(
    'forbidden',
    `This call needs the role "${needed}"; the token has the role "${admin.role}".`,
  );
}

/** Throws `forbidden` when the token is limited to environments or a prefix. */
export function requireUnscoped(admin: Admin): void {
  if (!isScoped(admin)) return;
  throw new AppError(
    'forbidden',
    'This call reaches everything, so it needs a token that is not limited to environments or a prefix.',
  );
}

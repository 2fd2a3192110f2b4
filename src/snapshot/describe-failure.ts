import type { EffectiveRoute, Plan, SecretReference } from '../core/index.js';

/** Why a request cannot be sent without this value. */
export function failureFor(
  { name, version }: SecretReference,
  environment: string,
  status: 'missing' | 'revoked' | 'damaged',
): NonNullable<Plan['failure']> {
  const what = version === undefined ? `"${name}"` : `version ${version} of "${name}"`;
  if (status === 'revoked') {
    const detail = `${what} was revoked in environment "${environment}". Nothing was sent.`;
    return { code: 'secret_revoked', detail };
  }
  if (status === 'damaged') {
    const detail =
      `A stored row of ${what} in environment "${environment}" was altered or damaged, so that its value ` +
      'is not used. Nothing was sent. Run keyferry doctor, then add a version or restore a backup.';
    return { code: 'secret_missing', detail };
  }
  const detail =
    `Environment "${environment}" has no value for secret ${what}. Nothing was sent, and no other ` +
    `environment was tried. Add one: keyferry versions add ${name} --environment ${environment}`;
  return { code: 'secret_missing', detail };
}

/** Why a field cannot be taken out of a value. */
export function describeField(
  { name, field }: SecretReference,
  environment: string,
  fields: readonly string[],
): string {
  const where = `The value of "${name}" in environment "${environment}"`;
  if (fields.length === 0) return `${where} has no fields, but the route names ".${field ?? ''}".`;
  const known = fields.join(', ');
  if (field === undefined) return `${where} has fields (${known}): the route must name one.`;
  return `${where} has no field "${field}"; it has ${known}.`;
}

/** Why a value cannot stand where a route places it. */
export function unplaceable(
  references: readonly SecretReference[],
  where: string,
  why: string,
  { environment }: EffectiveRoute,
): NonNullable<Plan['failure']> {
  const names = references.map(({ name }) => `"${name}"`).join(', ');
  const detail =
    `The value of ${names} in environment "${environment}" ${why} and cannot be placed in ${where}. ` +
    'Add a version without it.';
  return { code: 'secret_missing', detail };
}

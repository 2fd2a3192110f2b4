import type { Problem } from '../core/index.js';

/** What works on a version that is there: one by its number, the previous one, or one to move to. */
const OF_VERSIONS =
  /^\/v1\/secrets\/([^/]+)\/environments\/([^/]+)\/(?:versions\/\d+|rollback|cutovers)(?:\/|$)/;
const SECRET = /^\/v1\/secrets\/[^/]+$/;
const OF_CUTOVER = /^\/v1\/cutovers\//;
const OF_ROTATION = /^\/v1\/rotations\/[0-9a-f]/;
const ENVIRONMENT = /^\/v1\/environments\/([^/]+)$/;

/** What to do about a refusal of the server, where the message itself does not say it; one line each. */
export function nextSteps(code: string, path = '', problems: readonly Problem[] = []): string[] {
  if (code === 'not_found' && problems.some((problem) => problem.path === 'secret')) {
    return ['See: keyferry secrets list'];
  }
  if (code === 'not_found' && OF_CUTOVER.test(path)) return ['See: keyferry cutover list'];
  if (code === 'not_found' && OF_ROTATION.test(path)) return ['See: keyferry rotation list'];
  const [, secret, environment] = OF_VERSIONS.exec(path)?.map(decodeURIComponent) ?? [];
  switch (code) {
    case 'not_found':
    case 'version_unusable':
      return secret === undefined
        ? []
        : [`See: keyferry versions list ${secret} --environment ${environment}`];
    case 'environment_unknown':
      return ['Declare another: keyferry environments create NAME'];
    case 'environment_not_empty':
      return [
        `See: keyferry secrets list --environment ${ENVIRONMENT.exec(path)?.[1] ?? 'NAME'}; keyferry clients list; keyferry routes show`,
      ];
    case 'routes_invalid':
      return [
        'Where only a secret or its value is missing: keyferry secrets create, keyferry versions add, or --allow-missing',
      ];
    case 'precondition_failed':
      return SECRET.test(path)
        ? ['Somebody else changes it at the same time: run the command again.']
        : ['See: keyferry routes show'];
    default:
      return [];
  }
}

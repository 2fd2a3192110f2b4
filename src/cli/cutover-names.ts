import type { CutoverAnswer, CutoverWithFigures } from '../core/index.js';
import { segment } from './api-client.js';

export function cutoverPath(id: string): string {
  return `/v1/cutovers/${segment(id)}`;
}

/** `version 1`, or the secret whose place is taken. */
export function oldName({ secret, fromVersion, toSecret }: CutoverAnswer): string {
  return toSecret === null ? `version ${fromVersion}` : secret;
}

/** `version 2`, or the secret that takes the place of this one. */
export function newName({ toVersion, toSecret }: CutoverAnswer): string {
  return toSecret ?? `version ${toVersion}`;
}

/** `version 2 of stripe_api_key`; the name of a secret says it already. */
export function withSecret({ secret, toSecret }: CutoverAnswer, name: string): string {
  return toSecret === null ? `${name} of ${secret}` : name;
}

/** Whether only probes had the new version, and some were refused. */
export function probesRefused({ figures }: CutoverWithFigures): boolean {
  const [first, ...more] = figures;
  return first !== undefined && more.length === 0 && first.clients === 0 && first.new.refused > 0;
}

import type { RotationAnswer } from '../core/index.js';
import { segment } from './api-client.js';

export function rotationPath(id: string): string {
  return `/v1/rotations/${segment(id)}`;
}

/** `aws in production`, as words of a command line: `aws --environment production`. */
export function placeWords({
  secret,
  environment,
}: Pick<RotationAnswer, 'secret' | 'environment'>): string {
  return `${secret} --environment ${environment}`;
}

import { AppError, type PlacedPath } from '../core/index.js';

const SLASH = 0x2f;

/** What remains of a request's path without what its client wrote in place of the placed one. */
export function withoutInPlace(path: string, placed: PlacedPath): string {
  const match = placed.inPlace.exec(path);
  return match === null ? path : path.slice(match[0].length);
}

/** Puts the placed path between the upstream's and the request's, which cannot leave it. */
export function placePath(basePath: string, placed: PlacedPath, rest: string): string {
  if (rest !== '' && rest.charCodeAt(0) !== SLASH) {
    throw new AppError('request_rejected', 'The path does not continue with a segment of its own.');
  }
  return basePath + placed.text + rest;
}

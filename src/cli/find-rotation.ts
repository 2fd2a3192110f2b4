import { Option } from 'commander';
import type { PageAnswer, RotationAnswer, RotationDetail } from '../core/index.js';
import type { ApiClient } from './api-client.js';
import { CommandFailure } from './command-failure.js';
import { rotationPath } from './rotation-words.js';

export interface WhichRotation {
  readonly environment?: string | undefined;
}

/** Left out, the argument is the id of a rotation. */
export const inEnvironment = (): Option =>
  new Option('-e, --environment <name>', 'the environment; without it, <secret> is an id');

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The rotation of a secret in an environment, or the one with this id. Throws a CommandFailure that says how to enable one. */
export async function findRotation(
  api: ApiClient,
  secretOrId: string,
  { environment }: WhichRotation,
): Promise<RotationDetail> {
  if (environment === undefined) {
    if (ID.test(secretOrId)) return api.get<RotationDetail>(rotationPath(secretOrId));
    throw new CommandFailure('which environment?', {
      hints: ['Give --environment NAME; see them all: keyferry rotation list'],
    });
  }
  const found = await rotationOf(api, secretOrId, environment);
  if (found !== undefined) return api.get<RotationDetail>(rotationPath(found.id));
  throw new CommandFailure(`nothing rotates ${secretOrId} in ${environment} by itself`, {
    hints: [
      `Enable it: keyferry rotation enable ${secretOrId} --environment ${environment} --provider PROVIDER`,
    ],
  });
}

/** Undefined where there is none. Throws what the server says of a name that does not exist. */
export async function rotationOf(
  api: ApiClient,
  secret: string,
  environment: string,
): Promise<RotationAnswer | undefined> {
  const query = { secret, environment, limit: 1 };
  return (await api.get<PageAnswer<RotationAnswer>>('/v1/rotations', query)).items[0];
}

import { Option } from 'commander';
import type { CutoverAnswer, CutoverDetail, PageAnswer } from '../core/index.js';
import type { ApiClient } from './api-client.js';
import { CommandFailure } from './command-failure.js';
import { cutoverPath } from './cutover-names.js';

export interface WhichCutover {
  readonly environment?: string;
}

/** With it, the argument names a secret. */
export const ofEnvironment = (): Option =>
  new Option('-e, --environment <name>', 'with it, <id> is the name of a secret');

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The cutover with this id; or with an environment that of a secret: the one under way, else (unless `onlyRunning`)
 * the newest. Throws a CommandFailure that says how to name one.
 */
export async function findCutover(
  api: ApiClient,
  idOrSecret: string,
  { environment }: WhichCutover,
  onlyRunning = false,
): Promise<CutoverDetail> {
  if (environment === undefined) {
    if (!ID.test(idOrSecret)) {
      throw new CommandFailure('this is not the id of a cutover', {
        hints: [
          'Name one by its id (keyferry cutover list), or by its secret with --environment NAME.',
        ],
      });
    }
    return api.get<CutoverDetail>(cutoverPath(idOrSecret));
  }
  const newest = async (running?: boolean): Promise<CutoverAnswer | undefined> => {
    const query = { secret: idOrSecret, environment, running, limit: 1 };
    return (await api.get<PageAnswer<CutoverAnswer>>('/v1/cutovers', query)).items[0];
  };
  const found = (await newest(true)) ?? (onlyRunning ? undefined : await newest());
  if (found !== undefined) return api.get<CutoverDetail>(cutoverPath(found.id));
  const what = onlyRunning ? 'no cutover is under way' : 'there was no cutover';
  throw new CommandFailure(`${what} of ${idOrSecret} in ${environment}`, {
    hints: [
      `Start one: keyferry cutover start ${idOrSecret} --environment ${environment} --to-version N`,
    ],
  });
}

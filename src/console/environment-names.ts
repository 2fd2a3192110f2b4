import type { PageAnswer } from '../core/index.js';
import type { Api } from './api.js';

/** Those that are declared. */
export async function environmentNames(api: Api): Promise<readonly string[]> {
  const { items } = await api.get<PageAnswer<{ readonly name: string }>>('/v1/environments');
  return items.map(({ name }) => name);
}

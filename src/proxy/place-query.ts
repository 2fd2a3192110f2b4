import type { Plan } from '../core/index.js';
import { unplacedPairs } from './unplaced-pairs.js';

/**
 * The query to send: every spelling of each placed parameter is deleted, then the rendered ones are
 * appended. What else the client sent stays as it was, byte for byte.
 */
export function placeQuery(query: string, plan: Pick<Plan, 'query' | 'queryNames'>): string {
  if (plan.queryNames.size === 0) return query;
  const kept = unplacedPairs(query, plan.queryNames);
  if (plan.query !== '') kept.push(plan.query);
  return kept.join('&');
}

import type { Plan } from '../core/index.js';

/**
 * The query to send: every spelling of each placed parameter is deleted, then the rendered ones are
 * appended. What else the client sent stays as it was, byte for byte.
 */
export function placeQuery(query: string, plan: Pick<Plan, 'query' | 'queryNames'>): string {
  if (plan.queryNames.size === 0) return query;
  const kept = query
    .split('&')
    .filter((pair) => pair !== '' && !plan.queryNames.has(decodeName(pair)))
    .join('&');
  if (plan.query === '') return kept;
  return kept === '' ? plan.query : `${kept}&${plan.query}`;
}

/** As `application/x-www-form-urlencoded` readers see it: `+` is a space, `%6bey` is `key`. */
function decodeName(pair: string): string {
  const [name = ''] = new URLSearchParams(pair).keys();
  return name;
}

import { normaliseQueryName, type Plan } from '../core/index.js';

/**
 * The query to send: every spelling of each placed parameter is deleted, then the rendered ones are
 * appended. What else the client sent stays as it was, byte for byte.
 */
export function placeQuery(query: string, plan: Pick<Plan, 'query' | 'queryNames'>): string {
  if (plan.queryNames.size === 0) return query;
  const kept: string[] = [];
  for (const pair of query.split('&')) {
    // Some upstreams still take ";" for a separator, as HTML 4 asked for.
    const rest = pair.includes(';')
      ? pair
          .split(';')
          .filter((part) => !isPlaced(part, plan.queryNames))
          .join(';')
      : pair;
    if (rest !== '' && !isPlaced(rest, plan.queryNames)) kept.push(rest);
  }
  if (plan.query !== '') kept.push(plan.query);
  return kept.join('&');
}

/** As `application/x-www-form-urlencoded` readers see it: `+` is a space, `%6bey` is `key`. */
function isPlaced(part: string, placed: ReadonlySet<string>): boolean {
  const [name] = new URLSearchParams(part).keys();
  if (name === undefined) return false;
  const normalised = normaliseQueryName(name);
  if (placed.has(normalised)) return true;
  // PHP and Rails read `key[]` and `key[0]` as `key`.
  const bracket = normalised.indexOf('[');
  return bracket > 0 && placed.has(normalised.slice(0, bracket));
}

import { SECRET_NAME } from '../core/index.js';

/** Secrets whose names differ in an environment's name only. */
export interface SecretFamily {
  /** Their name without it. */
  readonly name: string;
  readonly members: readonly FamilyMember[];
}

export interface FamilyMember {
  readonly secret: string;
  /** The environment that its name says. */
  readonly environment: string;
}

/** Words that say the same; an environment that is named by one of them is meant by the others too. */
const SAME = [
  ['production', 'prod', 'prd', 'live'],
  ['staging', 'stage', 'stg', 'stag'],
  ['development', 'develop', 'devel', 'dev'],
  ['testing', 'test', 'tst'],
  ['integration', 'int'],
] as const;

/**
 * Finds names such as `stripe_production_api_key` and `stripe-stg-api-key` that name an environment as one or more of
 * their words, and puts those together that are the same without it. A name may be in two families. Those with one
 * member are left out: nothing says that an environment is meant.
 */
export function findFamilies(
  names: readonly string[],
  environments: readonly string[],
): SecretFamily[] {
  const spellings = spellingsOf(environments);
  const families = new Map<string, { name: string; members: FamilyMember[] }>();
  for (const secret of names) {
    for (const { name, place, environment } of readings(secret, spellings)) {
      const key = JSON.stringify([name, place]);
      const family = families.get(key) ?? { name, members: [] };
      family.members.push({ secret, environment });
      families.set(key, family);
    }
  }
  return [...families.values()]
    .filter(({ members }) => new Set(members.map(({ environment }) => environment)).size > 1)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Each way to write an environment, as words in lower case: `pre-prod` is two. */
function spellingsOf(environments: readonly string[]): [words: string[], environment: string][] {
  const found = new Map<string, string | undefined>(environments.map((name) => [name, name]));
  for (const environment of environments) {
    for (const word of SAME.find((words) => words.some((it) => it === environment)) ?? []) {
      if (environments.includes(word)) continue;
      // Where two environments would be meant, neither is.
      found.set(word, found.has(word) ? undefined : environment);
    }
  }
  return [...found].flatMap(([spelling, environment]) =>
    environment === undefined ? [] : [[spelling.split('-'), environment]],
  );
}

interface Reading {
  readonly name: string;
  /** Which word of the name the environment is. */
  readonly place: number;
  readonly environment: string;
}

function readings(
  secret: string,
  spellings: readonly (readonly [words: readonly string[], environment: string])[],
): Reading[] {
  // Words and what stands between them, by turns.
  const parts = secret.split(/([_-])/);
  const found: Reading[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    for (const [words, environment] of spellings) {
      const length = words.length * 2 - 1;
      const there = words.every((word, index) => parts[at + index * 2]?.toLowerCase() === word);
      if (!there || parts.length === length) continue;
      // With the separator before it, or the one after where it stands first.
      const from = at === 0 ? 0 : at - 1;
      const rest = [...parts.slice(0, from), ...parts.slice(from + length + 1)];
      const name = rest.join('');
      if (SECRET_NAME.test(name)) found.push({ name, place: at / 2, environment });
    }
  }
  return found;
}

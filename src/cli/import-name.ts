import { type ImportedEntry, type Problem, SECRET_NAME } from '../core/index.js';

export interface NamingOptions {
  /** As the source spells them. */
  readonly keepNames: boolean;
  /** Put in front. */
  readonly prefix: string;
  /** Names by those of the source; null leaves one out. */
  readonly map: ReadonlyMap<string, string | null>;
}

/** An entry with the name and the environment that it is to have. */
export interface NamedEntry {
  readonly name: string;
  readonly environment: string;
  readonly entry: ImportedEntry;
}

/**
 * Names what was read: `STRIPE_API_KEY` becomes `stripe_api_key`, `prod/Stripe` `prod_stripe`. A name that cannot be
 * one of Keyferry's, and two entries that would be one version, are problems.
 */
export function nameEntries(
  entries: readonly ImportedEntry[],
  environment: string | undefined,
  naming: NamingOptions,
): { readonly named: readonly NamedEntry[]; readonly problems: readonly Problem[] } {
  const named = new Map<string, NamedEntry>();
  const problems: Problem[] = [];
  for (const entry of entries) {
    const name = secretNameOf(entry.name, naming);
    const within = entry.environment ?? environment;
    if (name === null || within === undefined) continue;
    const path = entry.place;
    const before = named.get(`${name} ${within}`);
    if (!SECRET_NAME.test(name)) {
      const message = `would be called "${name.slice(0, 40)}", which is no name of a secret: give it one with --map FILE`;
      problems.push({ path, message });
    } else if (before !== undefined) {
      const message = `would be ${name} in ${within}, as ${before.entry.place} is: give one another name with --map FILE`;
      problems.push({ path, message });
    } else named.set(`${name} ${within}`, { name, environment: within, entry });
  }
  return { named: [...named.values()], problems };
}

function secretNameOf(source: string, { keepNames, prefix, map }: NamingOptions): string | null {
  const mapped = map.get(source);
  if (mapped !== undefined) return mapped;
  if (keepNames) return prefix + source;
  const plain = source.toLowerCase().replace(/[^a-z0-9_-]+/g, '_');
  return prefix + plain.replace(prefix === '' ? /^[^a-z]+|_+$/g : /_+$/g, '');
}

import type { Problem } from './errors.js';
import type { SecretValue } from './secret-value.js';

/** A value that was given: one value, or several named fields. */
export type GivenValue =
  | { readonly type: 'single'; readonly value: SecretValue }
  | { readonly type: 'fields'; readonly fields: ReadonlyMap<string, SecretValue> };

/** One value that another store of secrets holds. */
export interface ImportedEntry {
  /** Where it stands there, for messages: `line 3`, `prod/stripe`. Never a value. */
  readonly place: string;
  /** As it is called there. */
  readonly name: string;
  /** Where the source says it; undefined = that of the command. */
  readonly environment: string | undefined;
  readonly value: GivenValue;
}

/** What was read of a source. */
export interface ImportedSource {
  readonly entries: readonly ImportedEntry[];
  /** What could not be read, by place. Never a value. */
  readonly problems: readonly Problem[];
  /** What a person should know: entries that are left out. */
  readonly notices: readonly Problem[];
}

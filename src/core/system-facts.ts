/** What says how a setting is. */
export const SETTING_SOURCES = ['flag', 'variable', 'config_file', 'default'] as const;

/** A setting of the server as it is. */
export interface SettingInForce {
  readonly name: string;
  readonly description: string;
  readonly source: (typeof SETTING_SOURCES)[number];
  /** Its value is never told. */
  readonly secret: boolean;
  readonly isGiven: boolean;
  /** As it would be written; null for a secret, and for nothing. */
  readonly value: string | null;
}

/** What the process and its disk say of themselves. */
export interface SystemFacts {
  readonly startedAtMs: number;
  readonly nodeVersion: string;
  /** The database with its write-ahead log. */
  readonly databaseBytes: number;
  /** Free on the disk of the data folder. */
  readonly freeBytes: number;
  readonly settings: readonly SettingInForce[];
}

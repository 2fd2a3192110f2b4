import type { SettingInForce } from '../system-facts.js';

/** The process, its disk and its settings, as the admin API shows them. */
export interface SystemAnswer {
  readonly startedAt: string;
  readonly nodeVersion: string;
  readonly storage: {
    readonly databaseBytes: number;
    readonly freeBytes: number;
    readonly auditRows: number;
    readonly lastBackupAt: string | null;
  };
  readonly settings: readonly SettingInForce[];
}

/** The server as the admin API shows it. */
export interface StatusAnswer {
  readonly version: string;
  readonly time: string;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly proxyUrl: string | null;
  readonly routes: {
    readonly revision: number;
    readonly appliedAt: string | null;
    readonly file: string | null;
  };
}

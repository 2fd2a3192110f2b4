/**
 * What came of a request that carried a secret. `accepted`: any status below 400 and client errors that
 * say nothing about the credential; `refused`: a status by which the route says that the credential is refused;
 * `failed`: 5xx, a broken response, or none.
 */
export type UsageOutcome = 'accepted' | 'refused' | 'failed';

/** What the proxy observed since the last delta: additive, so that many nodes can write them. */
export interface UsageDelta {
  readonly secretId: string;
  readonly environment: string;
  readonly version: number;
  readonly route: string;
  readonly clientId: string;
  readonly outcome: UsageOutcome;
  readonly count: number;
  readonly firstUsedAtMs: number;
  readonly lastUsedAtMs: number;
}

/** Totals per secret, environment, version, route and client. */
export interface UsageRow {
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
  readonly route: string;
  readonly client: string;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly firstUsedAtMs: number;
  readonly lastUsedAtMs: number;
}

import type { ErrorCode } from '../errors.js';
import type { SENT_BY, WITHHELD } from '../tried-request.js';

/** What came of a request that a person sent through a route, as the admin API shows it. */
export interface TryRouteAnswer {
  readonly route: string;
  readonly environment: string;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly requestId: string;
  /** `name@version`. */
  readonly injected: readonly string[];
  /** Null when nothing was sent. */
  readonly sent: {
    readonly url: string;
    readonly headers: readonly {
      readonly name: string;
      readonly by: (typeof SENT_BY)[number];
      readonly value: string | null;
    }[];
    readonly fields: readonly { readonly name: string; readonly value: string }[];
    readonly removed: readonly string[];
  } | null;
  /** The upstream's; null when none came. */
  readonly status: number | null;
  readonly response: {
    readonly headers: readonly { readonly name: string; readonly value: string }[];
    readonly body: string | null;
    readonly withheld: (typeof WITHHELD)[number] | null;
    readonly isCut: boolean;
  } | null;
  readonly echoed: readonly string[];
  readonly code: ErrorCode | null;
  readonly detail: string | null;
  readonly durationMs: number;
}

/** A request that Keyferry itself sends: to a provider, a webhook, a check. */
export interface OutboundRequest {
  readonly method: string;
  /** `https:`, or `http:` on loopback. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** For all of it, from the connection to the end of the response. */
  readonly timeoutMs: number;
  /** Default 1 MiB. */
  readonly maxResponseBytes?: number | undefined;
  /** Default false: private, loopback, link-local and metadata addresses are refused at connect time. */
  readonly allowPrivateNetwork?: boolean | undefined;
  /** PEM, besides the system's own. */
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Names in lower case; the values of one name joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Sends through the same address guard as routes. Follows no redirect, sends nothing twice. */
export interface Outbound {
  /**
   * Throws `upstream_unreachable` (nothing of the request was sent), `upstream_timeout` and `upstream_protocol_error`
   * (it may have arrived), `upstream_address_denied`, `response_too_large`.
   */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
}

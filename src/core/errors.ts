/**
 * Every error that Keyferry itself reports: a stable code, its HTTP status and a public title.
 * The codes are part of the public contract; `title` never varies with the request.
 */
export const errorTable = {
  // A request through the proxy
  request_rejected: { status: 400, title: 'The request is malformed or ambiguous' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  request_timeout: { status: 408, title: 'The request came too slowly' },
  rate_limited: { status: 429, title: 'Too many requests' },
  client_unauthenticated: { status: 401, title: 'No valid client token' },
  route_forbidden: { status: 403, title: 'The client may not use this route' },
  route_not_found: { status: 404, title: 'No route for this request' },
  request_too_large: { status: 413, title: 'The request is too large' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  secret_missing: { status: 500, title: 'The environment has no value for a secret' },
  secret_expired: { status: 500, title: 'The version in use has expired' },
  secret_revoked: { status: 500, title: 'The version in use was revoked' },
  upstream_unreachable: { status: 502, title: 'The upstream cannot be reached' },
  upstream_protocol_error: { status: 502, title: 'The upstream broke the protocol' },
  response_too_large: { status: 502, title: 'The response is too large' },
  upstream_address_denied: { status: 502, title: 'The upstream address is not allowed' },
  echo_blocked: { status: 502, title: 'The upstream echoed a credential' },
  overloaded: { status: 503, title: 'Too much load' },
  circuit_open: { status: 503, title: 'The upstream keeps failing' },
  draining: { status: 503, title: 'The server is shutting down' },
  sealed: { status: 503, title: 'The store is sealed' },
  upstream_timeout: { status: 504, title: 'The upstream took too long' },
  // The admin API
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'No valid admin token' },
  forbidden: { status: 403, title: 'The admin token does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  value_immutable: { status: 405, title: 'A value cannot be changed' },
  name_taken: { status: 409, title: 'The name is taken' },
  environment_not_empty: { status: 409, title: 'The environment is not empty' },
  in_use: { status: 409, title: 'It is still in use' },
  conflict: { status: 409, title: 'Something else changed it first' },
  routes_managed_by_file: { status: 409, title: 'Routes are managed by a file' },
  idempotency_unfinished: { status: 409, title: 'An earlier request with this key did not finish' },
  idempotency_mismatch: { status: 422, title: 'The idempotency key was used for another request' },
  precondition_failed: { status: 412, title: 'The precondition does not hold' },
  environment_unknown: { status: 422, title: 'The environment is not declared' },
  value_unchanged: { status: 409, title: 'The newest version holds this value' },
  value_invalid: { status: 422, title: 'The value cannot be used' },
  routes_invalid: { status: 422, title: 'The routes document is not valid' },
  version_unusable: { status: 409, title: 'The version cannot be used' },
  store_unavailable: { status: 503, title: 'The store cannot be used right now' },
  internal_error: { status: 500, title: 'An internal error' },
  // Starting and the command line
  config_invalid: { status: 500, title: 'The configuration is not valid' },
  root_key_wrong: { status: 500, title: 'The root key does not fit the database' },
  root_key_missing: { status: 500, title: 'There is no root key' },
  permissions_loose: { status: 500, title: 'Others may read a private file' },
  data_folder_locked: { status: 500, title: 'Another server uses the data folder' },
  data_folder_unusable: { status: 500, title: 'The data folder cannot be used' },
  migration_altered: { status: 500, title: 'A migration is not the one that was applied' },
  database_newer: { status: 500, title: 'The database is newer than the program' },
  database_corrupt: { status: 500, title: 'The database is damaged' },
  rekey_unfinished: { status: 500, title: 'An earlier rekey did not finish' },
  backup_invalid: { status: 422, title: 'The backup cannot be restored' },
  address_in_use: { status: 500, title: 'The address is in use' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One thing that is wrong in a document, body or setting. Never holds a secret's value. */
export interface Problem {
  /** Where: a JSON path such as `routes[0].environments.production.upstream`, a flag or a variable. */
  readonly path: string;
  /** What was found there, as a shape or a non-secret literal, and what was expected. */
  readonly message: string;
  /** The nearest valid spelling, where there is one. */
  readonly nearest?: string;
  /** 1-based position in the text, where the text is a file. */
  readonly line?: number;
  readonly column?: number;
}

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** All problems found, for errors about documents and bodies. */
  readonly problems?: readonly Problem[];
  /** Seconds after which trying again may help; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/**
 * The only error that rooms let out. `message` is the public detail: it says what was wrong, where, and
 * what to do; it never holds a secret's value or the text of a foreign error (that stays in `cause`,
 * which is never shown).
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.problems = options.problems ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** The body of an `application/problem+json` answer (RFC 9457). */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  requestId: string;
  errors?: readonly Problem[];
}

/** Renders a code and its public detail as RFC 9457 problem details. */
export function problemDocument(
  code: ErrorCode,
  detail: string,
  requestId: string,
  problems: readonly Problem[] = [],
): ProblemDocument {
  const { status, title } = errorTable[code];
  const document: ProblemDocument = {
    type: `urn:keyferry:error:${code}`,
    title,
    status,
    code,
    detail,
    requestId,
  };
  if (problems.length > 0) document.errors = problems;
  return document;
}

import type { ProbeAnswer, ProbedVersion } from './prober.js';
import type { Plan } from './snapshot.js';

/** A request that a person sends through the real path, as a client would write it. */
export interface TriedRequest {
  readonly route: string;
  readonly environment: string;
  readonly method: string;
  /** Path and query, as the proxy is to see them. */
  readonly target: string;
  /** With `Host`. One character per byte. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty for none. */
  readonly body: Uint8Array;
  /** Absent = as every request of the route now. */
  readonly with?: ProbedVersion | undefined;
}

/** What a plan places, said without any value: names of secrets and versions stand where values go. */
export interface PlacedNames {
  /** By normalised name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly query: readonly (readonly [name: string, text: string])[];
  /** Undefined where no path is placed. */
  readonly path: string | undefined;
  /** Fields of the body, JSON or form. */
  readonly body: readonly (readonly [name: string, text: string])[];
}

/** A plan whose responses are searched for everything that it places, whatever its route says. */
export interface PlanToTry {
  readonly plan: Plan;
  readonly placed: PlacedNames;
}

/** A request that is ready to be sent. Nothing was sent yet. */
export interface PreparedTry {
  /** The route that takes a client's request like this one; undefined for none. */
  readonly matched: string | undefined;
  /** Names of the secrets that will be placed. */
  readonly secrets: readonly string[];
  /** Without its query; a value that was written into it is masked. */
  readonly path: string;
  /** Sends it, once. Never rejects: whatever befalls it is in the answer. */
  send(): Promise<TryAnswer>;
}

export interface TryAnswer extends Omit<ProbeAnswer, 'outcome'> {
  readonly requestId: string;
  /** Undefined when nothing was sent. */
  readonly sent: SentRequest | undefined;
  /** The upstream's; undefined when none came, or it was not passed on. */
  readonly response: SeenResponse | undefined;
  /** Names of the secrets whose value the response held: masked here. */
  readonly echoed: readonly string[];
}

/** Whose doing a part of the request is. */
export const SENT_BY = ['route', 'request', 'keyferry'] as const;

/** What went to the upstream. Never a value, nor what the sender wrote in headers, query and body. */
export interface SentRequest {
  readonly url: string;
  readonly headers: readonly {
    readonly name: string;
    readonly by: (typeof SENT_BY)[number];
    /** Null where it is the sender's own, or says nothing. */
    readonly value: string | null;
  }[];
  /** Fields that the route set in the body. */
  readonly fields: readonly (readonly [name: string, text: string])[];
  /** Headers of the request that did not go on. */
  readonly removed: readonly string[];
}

/** Why a body is not shown: what is not searched as text could hold a value. */
export const WITHHELD = ['short_value', 'encoded', 'not_text'] as const;

export interface SeenResponse {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Null where it is withheld. */
  readonly body: string | null;
  readonly withheld: (typeof WITHHELD)[number] | undefined;
  /** More came than is kept, or it did not end in time. */
  readonly isCut: boolean;
}

/** Sends requests of people through the real path. */
export interface RequestTrier {
  /**
   * Changes nothing and sends nothing. Throws `route_not_found`, `not_found` (no such version), `request_rejected` and
   * what else the proxy answers such a head with.
   */
  prepare(request: TriedRequest): Promise<PreparedTry>;
}

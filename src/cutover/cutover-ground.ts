/** What a cutover stands on besides its own figures. */
export interface CutoverGround {
  /** Of the routes that take part, those that say how to try a credential. */
  readonly probes: readonly RouteProbe[];
  /** Set where a route cannot place the new version at all: no request of it could ever succeed. */
  readonly failure: { readonly route: string; readonly detail: string } | undefined;
}

export interface RouteProbe {
  readonly route: string;
  readonly method: string;
  readonly path: string;
  /** Undefined = any status below 400 says that the credential is good. */
  readonly expectedStatus: number | undefined;
}

/** What probes with both versions said. */
export interface ProbeFinding {
  /** `refused`: with the new version alone; `unclear`: with the old one too, or no answer tells. */
  readonly finding: 'accepted' | 'refused' | 'unclear';
  readonly route: string;
  /** Of the answer to the new version; 0 without one. */
  readonly status: number;
}

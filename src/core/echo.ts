/** How the responses to a plan's requests are searched for the values that it places. */
export interface EchoScrub {
  readonly mode: 'block' | 'mask';
  /** Built when it is first asked for, and then kept. */
  readonly matcher: EchoMatcher;
  /** Names of the secrets whose value is too short to be looked for by itself. */
  readonly tooShort: readonly string[];
}

/**
 * Finds every form in which a plan's values can come back. Where forms overlap the leftmost counts, and of
 * those that begin together the longest. One per plan: what `find` found is valid until the next call.
 */
export interface EchoMatcher {
  /** Length of the shortest form in bytes; Infinity where there is none. */
  readonly shortest: number;
  /**
   * Looks for the next form in `text` from index `from` on. True: it stands from `start` to `end`. False: there is
   * none, and from `start` on stands what a form may go on from in the next piece (nothing where `start` is the
   * length of the text, and with `isLast` always). Whether it does begin one has no say in that.
   */
  find(text: Uint8Array, from: number, isLast: boolean): boolean;
  readonly start: number;
  readonly end: number;
  /** Name of the secret that the found form belongs to. */
  readonly secret: string;
  /** What to put in its place. */
  readonly mask: Uint8Array;
}

/** What was noticed about a value and the responses in which it could come back. Names only. */
export interface EchoFinding {
  /**
   * `hit`: a response held a form of a value. `unreadable`: its body was in an encoding that is not searched.
   * `too_short`: a value that is too short to be looked for by itself was placed in a plan.
   */
  readonly kind: 'hit' | 'unreadable' | 'too_short';
  /** What became of the response; undefined where there is none. */
  readonly action: 'masked' | 'blocked' | 'passed' | undefined;
  readonly route: string;
  readonly environment: string;
  readonly secrets: readonly string[];
  readonly requestId: string | undefined;
  readonly client: string | undefined;
}

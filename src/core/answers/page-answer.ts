/** One page of a list, as the admin API shows it. */
export interface PageAnswer<T> {
  readonly items: readonly T[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

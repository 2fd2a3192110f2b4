/** What `/readyz` and the status say: whether requests are served well, and what a person should look at. */
import type { Readiness } from './admin/index.js';
import type { Store } from './core/index.js';
import type { RoutesFollower } from './follow-routes-file.js';

/** Altered rows that are named. */
const NAMED_ROWS = 10;

interface ReadinessSources {
  readonly store: Pick<Store, 'alteredRows'>;
  /** Undefined where the store holds the routes. */
  readonly follower: Pick<RoutesFollower, 'notes'> | undefined;
  readonly draining: boolean;
  /** Whether the change log could not be read lately. */
  readonly behind: boolean;
}

export async function findReadiness(sources: ReadinessSources): Promise<Readiness> {
  const { store, follower, draining, behind } = sources;
  const reasons: string[] = [];
  if (draining) reasons.push('The server is shutting down.');
  if (behind) reasons.push('The change log cannot be read; requests may miss the last changes.');
  const altered = await store.alteredRows().catch(() => undefined);
  if (altered === undefined) {
    reasons.push('The store does not answer; requests go on from the last snapshot.');
  }
  const ready = reasons.length === 0;
  // What needs those rows is refused; the rest goes on.
  if (altered !== undefined && altered.length > 0) reasons.push(describeAltered(altered));
  const notes = await follower?.notes().catch(() => []);
  return { ready, reasons: [...reasons, ...(notes ?? [])] };
}

function describeAltered(rows: readonly string[]): string {
  const named = rows.slice(0, NAMED_ROWS).join(', ');
  const more = rows.length > NAMED_ROWS ? ` and ${rows.length - NAMED_ROWS} more` : '';
  return `Rows were altered outside of Keyferry and are not used: ${named}${more}. Run keyferry doctor.`;
}

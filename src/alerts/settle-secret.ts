import {
  ALERT_URGENCIES,
  type AlertFinding,
  type OpenAlert,
  type SecretFacts,
} from '../core/index.js';
import { judgeSecret, KINDS_OF_TIME } from './judge-secret.js';

/** What stays so is written down once a day. */
const SEEN_EVERY_MS = 86_400_000;

/** What is to be written about one secret and environment. */
export interface Settled {
  readonly raise: readonly AlertFinding[];
  /** Ids of alerts whose cause is over. */
  readonly resolve: readonly string[];
}

/** Compares what the rules of time find at `nowMs` with the alerts that are open. Nothing new: nothing to write. */
export function settleSecret(facts: SecretFacts, nowMs: number): Settled {
  const found = judgeSecret(facts, nowMs);
  const raise = found.filter((finding) => {
    const open = facts.open.find(({ kind }) => kind === finding.kind);
    return open === undefined || hasChanged(open, finding, nowMs);
  });
  const resolve = facts.open
    .filter(({ kind }) => (KINDS_OF_TIME as readonly string[]).includes(kind))
    .filter(({ kind }) => found.every((finding) => finding.kind !== kind))
    .map(({ id }) => id);
  return { raise, resolve };
}

function hasChanged(open: OpenAlert, finding: AlertFinding, nowMs: number): boolean {
  return (
    ALERT_URGENCIES.indexOf(finding.urgency) !== ALERT_URGENCIES.indexOf(open.urgency) ||
    nowMs >= open.lastSeenAtMs + SEEN_EVERY_MS
  );
}

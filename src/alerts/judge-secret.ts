import {
  type AlertFinding,
  type AlertKind,
  type AlertUrgency,
  type SecretFacts,
  UNUSED_DAYS,
} from '../core/index.js';

const DAY_MS = 86_400_000;
const SOON_DAYS = 7;

/** The kinds that `judgeSecret` finds: of these, what it finds no more is over. */
export const KINDS_OF_TIME = [
  'secret_unused',
  'rotation_due',
  'secret_overdue',
  'version_expiring',
] as const satisfies readonly AlertKind[];

/** What the current version of a secret in an environment needs at `nowMs`, by its age, its end and its use. */
export function judgeSecret(facts: SecretFacts, nowMs: number): AlertFinding[] {
  return [judgeUse(facts, nowMs), judgeAge(facts, nowMs), judgeEnd(facts, nowMs)].filter(
    (finding) => finding !== undefined,
  );
}

function judgeUse(facts: SecretFacts, nowMs: number): AlertFinding | undefined {
  const { secret, environment, isRouted, lastUsedAtMs, currentSinceMs } = facts;
  const quietSinceMs = Math.max(lastUsedAtMs ?? 0, currentSinceMs);
  if (nowMs < quietSinceMs + UNUSED_DAYS * DAY_MS) return undefined;
  const ever = lastUsedAtMs === null ? 'was never used' : `was last used on ${dayOf(lastUsedAtMs)}`;
  const named = isRouted
    ? 'Routes name it: no app sends requests there any more, or they take another way.'
    : 'No route names it.';
  return about(facts, {
    kind: 'secret_unused',
    urgency: 'notice',
    summary: `${secret} in ${environment} ${ever}. ${named}`,
    whatToDo: isRouted
      ? 'Find out whether the app still needs it; if not, take it out of the routes, then revoke it.'
      : 'Revoke it where it was issued, then delete it here; what is not there cannot leak.',
    command: `keyferry secrets show ${secret}`,
    sinceMs: quietSinceMs + UNUSED_DAYS * DAY_MS,
  });
}

function judgeAge(facts: SecretFacts, nowMs: number): AlertFinding | undefined {
  const { secret, environment, version, createdAtMs, rotateEveryDays, maximumAgeDays } = facts;
  const overdueMs = createdAtMs + maximumAgeDays * DAY_MS;
  const dueMs = Math.min(createdAtMs + rotateEveryDays * DAY_MS, overdueMs);
  const command = `keyferry rotate ${secret} --environment ${environment}`;
  if (nowMs >= overdueMs) {
    return about(facts, {
      kind: 'secret_overdue',
      urgency: 'urgent',
      summary: `Version ${version} of ${secret} in ${environment} is older than ${days(maximumAgeDays)}.`,
      whatToDo: 'Make a new key where it is issued, and bring it in.',
      command,
      sinceMs: overdueMs,
    });
  }
  if (facts.isRotating) return undefined;
  if (facts.nextRunAtMs !== null) return announceRun(facts, facts.nextRunAtMs, nowMs);
  const urgency = urgencyAt(dueMs, nowMs);
  if (urgency === undefined) return undefined;
  return about(facts, {
    kind: 'rotation_due',
    urgency,
    summary: `Version ${version} of ${secret} in ${environment} is to be rotated by ${dayOf(dueMs)}.`,
    whatToDo: 'Make a new key where it is issued, and bring it in.',
    command,
    sinceMs: dueMs - SOON_DAYS * DAY_MS,
  });
}

/** A run that begins by itself is announced; it needs nobody. One that comes every few days is not news. */
function announceRun(facts: SecretFacts, runAtMs: number, nowMs: number): AlertFinding | undefined {
  const { secret, environment, createdAtMs } = facts;
  const leftMs = runAtMs - nowMs;
  if (leftMs > SOON_DAYS * DAY_MS || runAtMs - createdAtMs <= 2 * SOON_DAYS * DAY_MS) {
    return undefined;
  }
  return about(facts, {
    kind: 'rotation_due',
    urgency: leftMs <= DAY_MS ? 'warning' : 'notice',
    summary: `${secret} in ${environment} is rotated by itself on ${dayOf(runAtMs)}.`,
    whatToDo: 'Nothing, unless that is a bad day: then pause the rotation until it is over.',
    command: `keyferry rotation show ${secret} --environment ${environment}`,
    sinceMs: runAtMs - SOON_DAYS * DAY_MS,
  });
}

function judgeEnd(facts: SecretFacts, nowMs: number): AlertFinding | undefined {
  const { secret, environment, version, expiresAtMs } = facts;
  if (expiresAtMs === null) return undefined;
  const isReplaced =
    facts.isRotating || (facts.nextRunAtMs ?? Number.POSITIVE_INFINITY) < expiresAtMs;
  if (isReplaced && nowMs < expiresAtMs) return undefined;
  const urgency = urgencyAt(expiresAtMs, nowMs);
  if (urgency === undefined) return undefined;
  const verb = nowMs >= expiresAtMs ? 'has expired on' : 'expires on';
  return about(facts, {
    kind: 'version_expiring',
    urgency,
    summary: `Version ${version} of ${secret} in ${environment} ${verb} ${dayOf(expiresAtMs)}.`,
    whatToDo: 'Make a new key where it is issued, and bring it in before the old one ends.',
    command: `keyferry rotate ${secret} --environment ${environment}`,
    sinceMs: expiresAtMs - SOON_DAYS * DAY_MS,
  });
}

/** A week before, a day before, and from the moment on; undefined earlier. */
function urgencyAt(atMs: number, nowMs: number): AlertUrgency | undefined {
  const leftMs = atMs - nowMs;
  if (leftMs <= 0) return 'urgent';
  if (leftMs <= DAY_MS) return 'warning';
  return leftMs <= SOON_DAYS * DAY_MS ? 'notice' : undefined;
}

function about(
  { secretId, secret, environment, version }: SecretFacts,
  finding: Pick<AlertFinding, 'kind' | 'urgency' | 'summary' | 'whatToDo' | 'command' | 'sinceMs'>,
): AlertFinding {
  const subject = `${secretId} ${environment}`;
  return { ...finding, subject, secretId, secret, environment, version, count: 1 };
}

function days(count: number): string {
  return count === 1 ? '1 day' : `${count} days`;
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

import {
  ALERT_URGENCIES,
  type AlertKind,
  CLIENT_TOKEN_PREFIX,
  type Criticality,
  type Cutover,
  maximumAgeDays,
  type Page,
  type PageRequest,
  rotateEveryDays,
  type SecretFacts,
  type SecretKind,
} from '../../core/index.js';
import { type CutoverRow, toCutover } from './cutover-row.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

const REPORTED_FOR_MS = 30 * 86_400_000;
const ROLLBACKS_AT_ONCE = 100;
/** Sorts after every character that a token has. */
const AFTER_TOKENS = '\x7f';

interface FactsRow {
  readonly secret_id: string;
  readonly secret: string;
  readonly environment: string;
  readonly version: number;
  readonly kind: SecretKind;
  readonly criticality: Criticality;
  readonly rotate_every_days: number | null;
  readonly maximum_age_days: number | null;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly current_since_ms: number;
  readonly last_used_at_ms: number | null;
  readonly is_routed: number;
  readonly next_run_at_ms: number | null;
  readonly is_running: number;
  /** JSON; null where none is open. */
  readonly open: string | null;
}

export function alertFactsCommands({ database, now }: Session) {
  // Reserved environments hold what no route can name: nobody uses that by a request.
  const facts = database.prepare<[string, string, number], FactsRow>(
    `SELECT e.secret_id, s.name AS secret, e.environment, e.current_version AS version, s.kind, s.criticality,
       s.rotate_every_days, s.maximum_age_days, v.created_at_ms, v.expires_at_ms, e.current_since_ms,
       e.last_used_at_ms,
       EXISTS (SELECT 1 FROM route_references AS r
         WHERE r.secret = s.name AND r.environment = e.environment) AS is_routed,
       (SELECT o.next_run_at_ms FROM rotations AS o WHERE o.secret_id = e.secret_id
         AND o.environment = e.environment AND o.state = 'active') AS next_run_at_ms,
       EXISTS (SELECT 1 FROM rotation_runs AS n WHERE n.secret_id = e.secret_id
         AND n.environment = e.environment AND n.ended_at_ms IS NULL) AS is_running,
       (SELECT json_group_array(json_array(a.id, a.kind, a.urgency, a.last_seen_at_ms))
        FROM alerts AS a INDEXED BY alerts_open_by_secret
        WHERE a.secret_id = e.secret_id AND a.environment = e.environment AND a.closed_at_ms IS NULL
        HAVING count(*) > 0) AS open
     FROM secret_environments AS e
     JOIN secrets AS s ON s.id = e.secret_id
     JOIN versions AS v ON v.secret_id = e.secret_id AND v.environment = e.environment
       AND v.version = e.current_version
     WHERE (e.secret_id, e.environment) > (?, ?)
       AND e.environment NOT IN (SELECT name FROM environments WHERE reserved = 1)
     ORDER BY e.secret_id, e.environment LIMIT ?`,
  );
  const rollbacks = database.prepare<[number, number], CutoverRow>(
    `SELECT c.* FROM cutovers AS c
     WHERE c.state = 'ROLLED_BACK' AND c.ended_by_itself = 1 AND c.ended_at_ms >= ?
       AND NOT EXISTS (SELECT 1 FROM alerts AS a INDEXED BY alerts_by_subject
         WHERE a.kind = 'cutover_rolled_back' AND a.subject = c.id)
     ORDER BY c.id LIMIT ?`,
  );
  const names = database.prepare<[string], { id: string; name: string }>(
    'SELECT id, name FROM secrets WHERE id IN (SELECT value FROM json_each(?))',
  );
  const clientOf = database.prepare<
    [string, string],
    { id: string; name: string; environment: string }
  >('SELECT id, name, environment FROM clients WHERE token_id >= ? AND token_id < ? LIMIT 1');

  return {
    secretFacts(page: PageRequest): Page<SecretFacts> {
      const limit = pageLimit(page);
      const [secretId = '', environment = ''] = (decodeCursor(page.cursor, 'string') ?? '').split(
        ' ',
      );
      return toPage(
        facts.all(secretId, environment, limit + 1),
        limit,
        (row) => `${row.secret_id} ${row.environment}`,
        (rows) => rows.map(toFacts),
      );
    },

    unreportedRollbacks: (): Cutover[] =>
      rollbacks.all(now() - REPORTED_FOR_MS, ROLLBACKS_AT_ONCE).map(toCutover),

    secretNames: (ids: readonly string[]): Map<string, string> =>
      new Map(names.all(JSON.stringify(ids)).map(({ id, name }) => [id, name])),

    clientOfToken(tokenStart: string) {
      const start = tokenStart.slice(CLIENT_TOKEN_PREFIX.length);
      return start === '' ? undefined : clientOf.get(start, `${start}${AFTER_TOKENS}`);
    },
  };
}

function toFacts(row: FactsRow): SecretFacts {
  const limits = {
    kind: row.kind,
    criticality: row.criticality,
    rotateEveryDays: row.rotate_every_days,
    maximumAgeDays: row.maximum_age_days,
  };
  const open: [string, AlertKind, number, number][] = row.open === null ? [] : JSON.parse(row.open);
  return {
    secretId: row.secret_id,
    secret: row.secret,
    environment: row.environment,
    version: row.version,
    rotateEveryDays: rotateEveryDays(limits),
    maximumAgeDays: maximumAgeDays(limits),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    currentSinceMs: row.current_since_ms,
    lastUsedAtMs: row.last_used_at_ms,
    isRouted: row.is_routed === 1,
    nextRunAtMs: row.next_run_at_ms,
    isRotating: row.is_running === 1,
    open: open.map(([id, kind, urgency, lastSeenAtMs]) => ({
      id,
      kind,
      urgency: ALERT_URGENCIES[urgency] ?? 'urgent',
      lastSeenAtMs,
    })),
  };
}

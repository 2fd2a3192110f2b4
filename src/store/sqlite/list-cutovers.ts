import {
  type Cutover,
  type CutoverDelta,
  type CutoverFilter,
  type CutoverObservation,
  type CutoverSide,
  type Page,
  RUNNING_CUTOVER_STATES,
} from '../../core/index.js';
import { type CutoverRow, toCutover } from './cutover-row.js';
import type { CutoverTable } from './cutover-table.js';
import { decodeCursor, pageLimit, toPage } from './page-cursor.js';
import type { Session } from './session.js';

interface ObservationRow {
  readonly step: number;
  readonly side: CutoverSide;
  readonly route: string;
  readonly client_id: string;
  readonly client: string;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly paired_refusals: number;
  readonly shared_refusals: number;
}

/** Sorts after every id. */
const AFTER_IDS = 'g';

export function listCutoversCommands({ database }: Session, table: CutoverTable) {
  const observations = database.prepare<[string], ObservationRow>(
    `SELECT o.*, coalesce(c.name, o.client_id) AS client
     FROM cutover_observations AS o LEFT JOIN clients AS c ON c.id = o.client_id
     WHERE o.cutover_id = ? ORDER BY o.step, o.side, o.route, client`,
  );

  return {
    getCutover(id: string): Cutover | undefined {
      const row = table.get(id);
      return row === undefined ? undefined : toCutover(row);
    },

    listCutovers(filter: CutoverFilter): Page<Cutover> {
      const limit = pageLimit(filter);
      const { conditions, values } = conditionsOf(filter);
      const rows = database
        .prepare<unknown[], CutoverRow>(
          `SELECT * FROM cutovers WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`,
        )
        .all(...values, limit + 1);
      return toPage(
        rows,
        limit,
        (row) => row.id,
        (shown) => shown.map(toCutover),
      );
    },

    runningCutovers: (): Cutover[] => table.running().map(toCutover),

    observationsOf: (id: string): CutoverObservation[] =>
      observations.all(id).map((row) => ({
        step: row.step,
        side: row.side,
        route: row.route,
        clientId: row.client_id,
        client: row.client,
        accepted: row.accepted,
        refused: row.refused,
        failed: row.failed,
        pairedRefusals: row.paired_refusals,
        sharedRefusals: row.shared_refusals,
      })),
  };
}

/** Adds to the totals of cutovers under way. */
export function createObservationAdder({ database }: Session): (delta: CutoverDelta) => void {
  const add = database.prepare<CutoverDelta>(
    `INSERT INTO cutover_observations
     SELECT @cutoverId, @step, @side, @route, @clientId, @accepted, @refused, @failed,
       @pairedRefusals, @sharedRefusals
     WHERE EXISTS (SELECT 1 FROM cutovers WHERE id = @cutoverId AND ended_at_ms IS NULL)
     ON CONFLICT DO UPDATE SET
       accepted = accepted + excluded.accepted,
       refused = refused + excluded.refused,
       failed = failed + excluded.failed,
       paired_refusals = paired_refusals + excluded.paired_refusals,
       shared_refusals = shared_refusals + excluded.shared_refusals`,
  );
  return (delta) => void add.run(delta);
}

function conditionsOf(filter: CutoverFilter): { conditions: string[]; values: unknown[] } {
  const conditions = ['id < ?'];
  const values: unknown[] = [decodeCursor(filter.cursor, 'string') ?? AFTER_IDS];
  const add = (condition: string, ...own: unknown[]): void => {
    conditions.push(condition);
    values.push(...own);
  };
  const isAmong = (column: string, among: readonly string[]): void =>
    add(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(among));
  if (filter.secret !== undefined)
    add('(secret = ? OR to_secret = ?)', filter.secret, filter.secret);
  if (filter.environment !== undefined) add('environment = ?', filter.environment);
  if (filter.state !== undefined) add('state = ?', filter.state);
  if (filter.running === true) isAmong('state', RUNNING_CUTOVER_STATES);
  if (filter.running === false) add('ended_at_ms IS NOT NULL');
  if (filter.environments !== undefined) isAmong('environment', filter.environments);
  if (filter.secretPrefix !== undefined) {
    const { length } = filter.secretPrefix;
    add('substr(secret, 1, ?) = ?', length, filter.secretPrefix);
    add('(to_secret IS NULL OR substr(to_secret, 1, ?) = ?)', length, filter.secretPrefix);
  }
  return { conditions, values };
}

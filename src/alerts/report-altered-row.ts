import type { AlertFinding } from '../core/index.js';

/** What to say of a row of the database that another program altered; `row` says what it is. */
export function reportAlteredRow(row: string, nowMs: number): AlertFinding {
  return {
    kind: 'rows_altered',
    subject: row,
    urgency: 'urgent',
    summary: `Another program altered the database: ${row} is not used.`,
    whatToDo: 'Find out who wrote to it. Then restore a backup, or take the rows as they are.',
    command: 'keyferry doctor',
    sinceMs: nowMs,
    count: 1,
  };
}

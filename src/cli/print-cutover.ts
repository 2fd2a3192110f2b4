import type { CutoverAnswer, CutoverDetail } from '../core/index.js';
import { newName, oldName } from './cutover-names.js';
import { describeAgo, describeMoment } from './describe-time.js';
import type { Terminal } from './terminal.js';

/** `10 % of the requests take version 2`. */
export function describeState(cutover: CutoverAnswer): string {
  const { state, percent } = cutover;
  switch (state) {
    case 'PENDING':
      return `PENDING: no request takes ${newName(cutover)} yet`;
    case 'CANARY':
      return `CANARY: ${percent} % of the requests take ${newName(cutover)}`;
    case 'CURRENT':
      return `CURRENT: every request takes ${newName(cutover)}; ${oldName(cutover)} is kept live`;
    case 'COMPLETED':
      return `COMPLETED: ${newName(cutover)} has taken the place of ${oldName(cutover)}`;
    case 'ROLLED_BACK':
      return `ROLLED_BACK: every request takes ${oldName(cutover)}`;
  }
}

/** Prints all that is known of a cutover. */
export function printCutover(terminal: Terminal, cutover: CutoverDetail): void {
  const { settings, hold } = cutover;
  terminal.facts({
    id: cutover.id,
    secret: `${cutover.secret} in ${cutover.environment}`,
    from: oldName(cutover),
    to: newName(cutover),
    state: describeState(cutover),
    paused: cutover.paused ? 'yes: it goes on when it is resumed' : null,
    'held because': hold?.explanation ?? null,
    'what to do': hold?.whatToDo ?? null,
    'waits for': cutover.waitsFor.length === 0 ? null : cutover.waitsFor.join('; '),
    steps: `${settings.steps.map((step) => `${step} %`).join(', ')}; each at least ${settings.stepMinSamples} accepted requests and ${settings.stepMinSeconds} s`,
    'only routes': settings.routes?.join(', ') ?? null,
    'only clients': settings.clients?.join(', ') ?? null,
    started: `${describeMoment(cutover.startedAt)} by ${cutover.startedBy}`,
    'current since': cutover.currentSince === null ? null : describeMoment(cutover.currentSince),
    'old kept until': cutover.windowEndsAt === null ? null : describeMoment(cutover.windowEndsAt),
    ended: cutover.endedAt === null ? null : describeMoment(cutover.endedAt),
    because: cutover.reason,
  });
  if (cutover.observations.length === 0) return;
  terminal.print();
  terminal.table(
    [
      { title: 'STEP', align: 'right' },
      { title: 'VERSION', align: 'right' },
      { title: 'ROUTE', shrinks: true },
      { title: 'CLIENT', shrinks: true },
      { title: 'ACCEPTED', align: 'right' },
      { title: 'REFUSED', align: 'right' },
      { title: 'OTHER ACCEPTED', align: 'right' },
      { title: 'BOTH REFUSED', align: 'right' },
      { title: 'FAILED', align: 'right' },
    ],
    cutover.observations.map((row) => [
      `${row.percent} %`,
      row.version === null ? (cutover.toSecret ?? '–') : String(row.version),
      row.route,
      row.client,
      String(row.accepted),
      String(row.refused),
      String(row.pairedRefusals),
      String(row.sharedRefusals),
      String(row.failed),
    ]),
  );
}

/** The table of cutovers, newest first as the server gives them. */
export function printCutovers(
  terminal: Terminal,
  cutovers: readonly CutoverAnswer[],
  nowMs: number,
): void {
  terminal.table(
    [
      { title: 'ID' },
      { title: 'SECRET', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'FROM', align: 'right' },
      { title: 'TO', align: 'right', shrinks: true },
      { title: 'STATE' },
      { title: 'SHARE', align: 'right' },
      { title: 'STARTED', align: 'right' },
      { title: 'NOTE', shrinks: true },
    ],
    cutovers.map((cutover) => [
      cutover.id,
      cutover.secret,
      cutover.environment,
      String(cutover.fromVersion),
      cutover.toSecret ?? String(cutover.toVersion),
      cutover.state,
      `${cutover.percent} %`,
      describeAgo(cutover.startedAt, nowMs),
      cutover.paused ? 'paused' : (cutover.hold?.explanation ?? cutover.reason ?? '–'),
    ]),
  );
}

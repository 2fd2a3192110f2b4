import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ALERT_URGENCIES,
  type AlertCount,
  type AlertFinding,
  type AlertKind,
  type AlertScope,
  AppError,
  STAYING_ALERT_KINDS,
} from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore } from '../support/open-test-store.js';

const KINDS = ['echo_hit', 'credential_refused'] as const satisfies readonly AlertKind[];
const step = fc.oneof(
  fc.record({
    does: fc.constant('raise' as const),
    kind: fc.constantFrom(...KINDS),
    subject: fc.constantFrom('a', 'b'),
    urgency: fc.constantFrom(...ALERT_URGENCIES),
    count: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ does: fc.constantFrom('resolve', 'acknowledge'), index: fc.nat({ max: 9 }) }),
  fc.record({ does: fc.constant('reopen' as const) }),
);

interface Expected {
  readonly kind: AlertKind;
  readonly subject: string;
  urgency: number;
  count: number;
  acknowledged: boolean;
  closed: boolean;
}

function finding(kind: AlertKind, subject: string, urgency: number, count: number): AlertFinding {
  const words = { summary: 'what', whatToDo: 'do', command: 'run' };
  const named = ALERT_URGENCIES[urgency] ?? 'notice';
  // One about a secret somewhere, one about none.
  const of = subject === 'a' ? { secret: 'pay_key', environment: 'staging' } : {};
  return { kind, subject, urgency: named, count, sinceMs: 1, ...of, ...words };
}

/** As counts are given: the most urgent first, then by kind. */
function countsOf(alerts: readonly Expected[]): AlertCount[] {
  const found = ALERT_URGENCIES.flatMap((urgency, level) =>
    KINDS.map((kind) => ({
      kind,
      urgency,
      count: alerts.filter((alert) => alert.kind === kind && alert.urgency === level).length,
    })),
  );
  return found
    .filter(({ count }) => count > 0)
    .sort(
      (a, b) =>
        ALERT_URGENCIES.indexOf(b.urgency) - ALERT_URGENCIES.indexOf(a.urgency) ||
        (a.kind < b.kind ? -1 : 1),
    );
}

test('one alert is open about a subject, whatever happens in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      let opened = await openTestStore();
      const model: Expected[] = [];
      try {
        for (const it of steps) {
          opened.clock.advance(1);
          const newestFirst = async () => (await opened.store.listAlerts({})).items;
          if (it.does === 'reopen') opened = await opened.reopen();
          else if (it.does === 'raise') {
            const { kind, subject, count } = it;
            const urgency = ALERT_URGENCIES.indexOf(it.urgency);
            await opened.store.raiseAlerts([finding(kind, subject, urgency, count)]);
            const open = model.find((m) => m.kind === kind && m.subject === subject && !m.closed);
            if (open === undefined) {
              model.unshift({ kind, subject, urgency, count, acknowledged: false, closed: false });
            } else {
              if (urgency > open.urgency) open.acknowledged = false;
              open.urgency = urgency;
              open.count += count;
            }
          } else {
            const alert = (await newestFirst())[it.index];
            const expected = model[it.index];
            if (alert === undefined || expected === undefined) continue;
            const stays = STAYING_ALERT_KINDS.includes(alert.kind);
            if (it.does === 'resolve') {
              await opened.store.resolveAlerts({ ids: [alert.id], because: 'over' });
              if (!stays) expected.closed = true;
            } else if (expected.closed && !expected.acknowledged) {
              const refused = opened.store.acknowledgeAlert({ actor, id: alert.id });
              await expect(refused).rejects.toThrow(AppError);
            } else {
              await opened.store.acknowledgeAlert({ actor, id: alert.id });
              expected.acknowledged = true;
              if (stays) expected.closed = true;
            }
          }
          const shown = (await newestFirst()).map((alert) => ({
            kind: alert.kind,
            subject: alert.subject,
            urgency: ALERT_URGENCIES.indexOf(alert.urgency),
            count: alert.count,
            acknowledged: alert.acknowledgedAtMs !== null,
            closed: alert.closedAtMs !== null,
          }));
          expect(shown).toEqual(model);
          const open = model.filter((alert) => !alert.closed);
          const unseen = open.filter((alert) => !alert.acknowledged);
          const staging = unseen.filter(({ subject }) => subject === 'a');
          const counted = (scope: AlertScope) => opened.store.unseenAlertCounts(scope);
          expect(await counted({})).toEqual(countsOf(unseen));
          expect(await counted({ environments: ['staging', 'review'] })).toEqual(countsOf(staging));
          expect(await counted({ environments: [] })).toEqual([]);
          expect(await counted({ secretPrefix: 'pay_' })).toEqual(countsOf(staging));
          expect(await counted({ secretPrefix: 'mail_' })).toEqual([]);
          const kinds = [...new Set(open.map(({ kind }) => kind))];
          expect(await opened.store.openAlertCounts()).toEqual(
            new Map(kinds.map((kind) => [kind, open.filter((it) => it.kind === kind).length])),
          );
        }
      } finally {
        await opened.cleanUp();
      }
    }),
    { numRuns: 15, seed: 4 },
  );
});

test('alerts that another program deletes are not counted any more', async () => {
  const opened = await openTestStore();
  await opened.store.raiseAlerts([finding('echo_hit', 'a', 0, 1), finding('echo_hit', 'b', 0, 1)]);
  const database = new Database(join(opened.dataDir, 'keyferry.db'));
  database.exec("DELETE FROM alerts WHERE subject = 'a'");
  database.close();
  expect(await opened.store.openAlertCounts()).toEqual(new Map([['echo_hit', 1]]));
  expect(await opened.store.unseenAlertCounts({})).toEqual([
    { kind: 'echo_hit', urgency: 'notice', count: 1 },
  ]);
  await opened.cleanUp();
});

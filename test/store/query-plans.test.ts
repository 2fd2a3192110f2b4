import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditFilter, SECRET_SORTS, SORT_ORDERS } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { type Commands, createCommands } from '../../src/store/sqlite/commands.js';
import { createSession } from '../../src/store/sqlite/session.js';
import { consoleName, fillConsole } from '../support/fill-console.js';
import { newDataDir } from '../support/open-test-store.js';

/** Where they are large, none is read from end to end but by name in the plan. */
const LARGE = ['audit', 'versions', 'usage', 'secret_environments', 'alerts', 'route_references'];
const name = consoleName(0);

let dataDir: string;
let database: Database.Database;
let commands: Commands;
const said: string[] = [];

beforeAll(async () => {
  dataDir = newDataDir();
  const clock = { now: () => Date.now() };
  await (await openKeyferryStore({ dataDir, clock, createIfMissing: true })).store.close();
  await fillConsole({ dataDir, secrets: 60, auditRows: 100 });
  database = new Database(join(dataDir, 'keyferry.db'), {
    verbose: (sql) => said.push(String(sql)),
  });
  const now = () => Date.now();
  const session = createSession({ database, databaseId: 'x', now, othersWrite: false });
  commands = createCommands(session, 0);
});
afterAll(() => {
  database.close();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Plan {
  readonly sql: string;
  readonly details: readonly string[];
}

/** What SQLite does for each query of `ask`, without sizes: as it would in a database of any size. */
function plansOf(ask: (commands: Commands) => unknown): Plan[] {
  said.length = 0;
  ask(commands);
  const queries = said.filter((sql) => /^\s*(?:SELECT|WITH)\b/.test(sql));
  return queries.map((sql) => ({
    sql,
    details: database
      .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => detail),
  }));
}

const scansLarge = (detail: string): boolean =>
  LARGE.some((table) => new RegExp(`^SCAN ${table}$`).test(detail));

/** Reads all of a large table, or sorts all that fits for one page of it; runs that are merged end with the page. */
function isSlow({ sql, details }: Plan): boolean {
  const isPage = sql.includes('LIMIT');
  if (!isPage) return details.some(scansLarge);
  return details.includes('USE TEMP B-TREE FOR ORDER BY') && !sql.includes('UNION ALL');
}

describe('no page of the console reads a large table from end to end, or sorts it:', () => {
  const dayMs = 86_400_000;
  const times = { sinceMs: Date.now() - 9 * dayMs, untilMs: Date.now() - 8 * dayMs };
  const actor = 'person 7';
  const asks: Readonly<Record<string, (commands: Commands) => unknown>> = {
    'secrets by name': (of) => of.listSecrets({}),
    'secrets that are old, by name': (of) => of.listSecrets({ old: true, missingValue: true }),
    'secrets of a limited admin': (of) => of.listSecrets({ environments: ['staging'] }),
    'secrets without routes': (of) => of.listSecrets({ withoutRoutes: true }),
    'a secret': (of) => of.getSecret(name),
    'rotations of secrets': (of) => of.listRotations({ secrets: [name] }),
    'running cutovers': (of) => of.runningCutovers(),
    cutovers: (of) => of.listCutovers({ secret: name }),
    'open alerts': (of) => of.listAlerts({ open: true, acknowledged: false }),
    'urgent alerts': (of) =>
      of.listAlerts({ open: true, acknowledged: false, urgency: 'urgent', kind: 'echo_hit' }),
    'open alerts of a limited admin': (of) =>
      of.listAlerts({ open: true, environments: ['staging'], secretPrefix: 'stripe' }),
    'all alerts': (of) => of.listAlerts({}),
    audit: (of) => of.listAudit({}),
    'audit by action': (of) => of.listAudit({ action: 'version.' }),
    'audit by secret': (of) => of.listAudit({ secret: name, action: 'version.add' }),
    'audit by environment': (of) => of.listAudit({ environment: 'production' }),
    'audit by actor': (of) => of.listAudit({ actor, environment: 'production' }),
    'audit by time': (of) => of.listAudit(times),
    'audit of a limited admin': (of) => of.listAudit({ environments: ['staging'], ...times }),
    clients: (of) => of.listClients({}),
    admins: (of) => of.listAdmins({}),
  };
  for (const [what, ask] of Object.entries(asks)) {
    test(what, () => {
      const plans = plansOf(ask);
      expect(plans.length).toBeGreaterThan(0);
      expect(plans.filter(isSlow)).toEqual([]);
    });
  }

  test('of several filters of the audit log, the one that the fewest rows fit leads', () => {
    const leads = (filter: AuditFilter) =>
      plansOf((of) => of.listAudit(filter))
        .map(({ sql }) => /\* FROM audit INDEXED BY (\w+)/.exec(sql)?.[1])
        .at(-1);
    expect(leads({ actor, action: 'none' })).toBe('audit_by_action');
    expect(leads({ actor, environment: 'production' })).toBe('audit_by_actor');
    expect(leads({ action: 'version.', environments: ['none'] })).toBe('audit_by_environment');
  });

  test('secrets in other orders: one pass over what they are listed by, and no more', () => {
    for (const sort of SECRET_SORTS.filter((one) => one !== 'name')) {
      for (const order of SORT_ORDERS) {
        const plans = plansOf((of) =>
          of.listSecrets({ sort, order, old: true, search: 'a' }),
        ).flatMap(({ details }) => details);
        expect(plans.filter(scansLarge)).toEqual([]);
        expect(plans.filter((detail) => /^(?:SCAN|SEARCH) l\b/.test(detail))).toHaveLength(1);
        expect(plans.filter((detail) => detail.includes('GROUP BY'))).toEqual([]);
      }
    }
  });

  test('counts of alerts', () => {
    const plans = plansOf((of) => [
      of.openAlertCounts(),
      of.unseenAlertCounts({}),
      of.unseenAlertCounts({ environments: ['staging'] }),
      of.unseenAlertCounts({ secretPrefix: 'pay_' }),
    ]).flatMap(({ details }) => details);
    expect(plans.filter(scansLarge)).toEqual([]);
    expect(plans).toContainEqual(
      expect.stringMatching(
        /^SEARCH alerts USING COVERING INDEX alerts_unseen_by_secret \(secret>\? AND secret<\?\)/,
      ),
    );
  });
});

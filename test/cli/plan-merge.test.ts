import { expect, test } from 'vitest';
import { copyNote, planMerge, replacementsOf } from '../../src/cli/plan-merge.js';
import { replaceSecretsInText } from '../../src/config/index.js';
import type { SecretAnswer, VersionAnswer } from '../../src/core/index.js';

const FAMILY = {
  name: 'key',
  members: [
    { secret: 'prod_key', environment: 'production' },
    { secret: 'stg_key', environment: 'staging' },
  ],
};

function secret(name: string, environments: readonly object[], more: object = {}): SecretAnswer {
  return {
    name,
    description: null,
    owner: null,
    labels: {},
    allowedHosts: ['b.example', 'a.example'],
    kind: 'api_key',
    criticality: 'standard',
    rotateEveryDays: 90,
    maximumAgeDays: 90,
    environments,
    ...more,
  } as unknown as SecretAnswer;
}

const held = (environment: string, more: object = {}) => ({
  environment,
  currentVersion: 3,
  previousVersion: null,
  stagedVersions: [],
  versions: 3,
  cutover: null,
  ...more,
});

const PROD = secret('prod_key', [held('production')]);
const STG = secret('stg_key', [held('staging')], { allowedHosts: ['a.example', 'b.example'] });

function plan(
  secrets: readonly SecretAnswer[],
  options: {
    family?: typeof FAMILY;
    notes?: Readonly<Record<string, string>>;
    header?: string;
    families?: readonly [string, readonly string[]][];
  } = {},
) {
  const { family = FAMILY, notes = {}, header = '<<secret:prod_key>>' } = options;
  const environments = { production: { upstream: 'https://a.example' } };
  const route = { name: 'r', match: { pathPrefix: '/r' }, headers: { 'X-Key': header } };
  const text = JSON.stringify({ routes: [{ ...route, environments }] });
  return planMerge(family, {
    secrets: new Map(secrets.map((one) => [one.name, one])),
    present: new Map(
      Object.entries(notes).map(([environment, note]) => [environment, { note } as VersionAnswer]),
    ),
    families: new Map(options.families ?? []),
    edited: replaceSecretsInText(text, 'f', replacementsOf(family)),
  });
}

test('secrets that are alike become one', () => {
  const planned = plan([PROD, STG]);
  expect(planned).toMatchObject({ conflicts: [], notes: [], done: false });
  expect(planned.members.map(({ version }) => version)).toEqual([3, 3]);
  expect(planned.routes).toMatchObject([{ setting: 'headers.X-Key', after: '"<<secret:key>>"' }]);
  // The interval is the recommended one: it is not set.
  expect(planned.attributes).toEqual({
    kind: 'api_key',
    criticality: 'standard',
    allowedHosts: ['b.example', 'a.example'],
    labels: {},
  });
});

test.each([
  ['a value elsewhere', secret('stg_key', [held('staging'), held('production')]), /production/],
  ['a value elsewhere only', secret('stg_key', [held('production')]), /though its name says stag/],
  ['no value', secret('stg_key', []), /no current version/],
  ['no current one', secret('stg_key', [held('staging', { currentVersion: null })]), /no current/],
  ['another kind', { ...STG, kind: 'aws' } as SecretAnswer, /kind differs/],
  ['another criticality', { ...STG, criticality: 'critical' } as SecretAnswer, /criticality diff/],
  ['another interval', { ...STG, rotateEveryDays: 30 }, /rotateEveryDays differs/],
  ['other hosts', { ...STG, allowedHosts: [] }, /allowedHosts differs .*stg_key: any/],
  [
    'a cutover under way',
    secret('stg_key', [held('staging', { cutover: { id: 'c1' } })]),
    /cutover c1 of stg_key/,
  ],
])('it is a conflict to have %s', (_, stg, message) => {
  expect(plan([PROD, { ...stg, name: 'stg_key' }]).conflicts).toContainEqual(
    expect.stringMatching(message),
  );
});

test('two for one environment, a pinned version, and a name that fits elsewhere are conflicts', () => {
  const twice = {
    ...FAMILY,
    members: [...FAMILY.members, { secret: 'prd_key', environment: 'production' }],
  };
  const prd = secret('prd_key', [held('production')]);
  expect(plan([PROD, STG, prd], { family: twice }).conflicts).toEqual([
    'prod_key and prd_key both are for production',
  ]);
  expect(plan([PROD, STG], { header: '<<secret:prod_key@2>>' }).conflicts).toEqual([
    expect.stringContaining('routes[0].headers["X-Key"]: it names prod_key@2'),
  ]);
  expect(plan([PROD, STG], { families: [['stg_key', ['key', 'other']]] }).conflicts).toEqual([
    'stg_key could be other too: choose with --name',
  ]);
});

test('the new name is taken, unless it holds the very copies of an earlier merge', () => {
  const target = secret('key', [held('production', { currentVersion: 1 })]);
  expect(plan([PROD, STG, target]).conflicts).toEqual([
    'there is a secret key already, with values of its own in production',
  ]);
  const note = copyNote('prod_key', 3);
  expect(plan([PROD, STG, target], { notes: { production: note } }).conflicts).toEqual([]);
  const older = copyNote('prod_key', 2);
  expect(plan([PROD, STG, target], { notes: { production: older } }).conflicts).toHaveLength(1);
  const notes = { production: note, staging: copyNote('stg_key', 3) };
  const whole = secret('key', [held('production'), held('staging')]);
  expect(plan([PROD, STG, whole], { notes, header: 'x' }).done).toBe(true);
});

test('what stays behind is said', () => {
  const prod = secret('prod_key', [
    held('production', { stagedVersions: [4, 10], previousVersion: 2 }),
  ]);
  const stg = { ...STG, owner: 'web', labels: { tier: '1' } };
  expect(plan([prod, stg], { header: '<<secret:stg_key>>' }).notes).toEqual([
    'only the current version of prod_key is taken along, not 2, 4, 10',
    'stg_key stays named by r (production)',
    'differs and is left out: owner, label tier',
  ]);
});

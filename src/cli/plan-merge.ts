import type { SecretAnswer, SecretEnvironmentAnswer, VersionAnswer } from '../core/index.js';
import {
  effectiveRoute,
  placedTemplates,
  type RoutesDocument,
  recommendedDays,
} from '../core/index.js';
import { compareRoutes, type RouteChange } from './compare-routes.js';
import type { FamilyMember, SecretFamily } from './find-families.js';
import type { EditedRoutes, SecretReplacement } from './ports.js';

/** How several secrets become one, and what speaks against it. */
export interface MergePlan {
  /** The secret that they become. */
  readonly name: string;
  readonly members: readonly (FamilyMember & { readonly version: number | null })[];
  readonly routes: readonly RouteChange[];
  /** Nothing is left to do: only the old secrets are still there. */
  readonly done: boolean;
  /** Empty = it can be done. */
  readonly conflicts: readonly string[];
  /** What stays behind or is left out. */
  readonly notes: readonly string[];
  /** What is said about the new secret, as the API takes it. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What is known of the server. */
export interface MergeFacts {
  readonly secrets: ReadonlyMap<string, SecretAnswer>;
  /** Current versions of a secret that has the new one's name already, by environment. */
  readonly present: ReadonlyMap<string, VersionAnswer>;
  /** The families that each secret fits into. */
  readonly families: ReadonlyMap<string, readonly string[]>;
  /** The routes with what `replacementsOf` says. */
  readonly edited: EditedRoutes;
}

/** Plans to make one secret with environments of a family. Changes nothing. */
export function planMerge(family: SecretFamily, facts: MergeFacts): MergePlan {
  const { name } = family;
  const conflicts: string[] = [];
  const notes: string[] = [];
  const secrets: SecretAnswer[] = [];
  const members = family.members.map((member) => {
    const secret = facts.secrets.get(member.secret);
    if (secret === undefined) {
      conflicts.push(`${member.secret} is gone`);
      return { ...member, version: null };
    }
    secrets.push(secret);
    const found = stateOf(secret, member);
    conflicts.push(...found.conflicts);
    notes.push(...found.notes);
    return { ...member, version: found.version };
  });
  conflicts.push(...doubled(family.members), ...different(secrets), ...taken(members, name, facts));
  for (const { secret } of members) {
    const others = (facts.families.get(secret) ?? []).filter((it) => it !== name);
    if (others.length > 0) {
      conflicts.push(`${secret} could be ${others.join(' or ')} too: choose with --name`);
    }
  }
  const { edited } = facts;
  for (const { path, message } of edited.pinned) conflicts.push(`${path}: ${message}`);
  notes.push(...stillNamed(edited.after, members), ...leftOut(secrets));
  const routes = compareRoutes(edited.before, edited.after);
  const copied = members.every(({ environment }) => facts.present.has(environment));
  const done = copied && routes.length === 0 && conflicts.length === 0;
  return { name, members, routes, done, conflicts, notes, attributes: attributesOf(secrets) };
}

/** What the routes must say instead. */
export function replacementsOf({ name, members }: SecretFamily): SecretReplacement[] {
  return members.map(({ secret, environment }) => ({ from: secret, to: name, environment }));
}

/** Written to a copied version: a merge that was cut short finds its own work by it. */
export function copyNote(secret: string, version: number): string {
  return `copied from ${secret}@${version}`;
}

interface MemberState {
  readonly version: number | null;
  readonly conflicts: readonly string[];
  readonly notes: readonly string[];
}

function stateOf(secret: SecretAnswer, { environment }: FamilyMember): MemberState {
  const filled = secret.environments.filter(({ versions }) => versions > 0);
  const others = filled.filter((it) => it.environment !== environment);
  const own = filled.find((it) => it.environment === environment);
  if (others.length > 0) {
    const where = others.map((it) => it.environment).join(', ');
    const conflict = `${secret.name} has values in ${where}, though its name says ${environment}`;
    return { version: own?.currentVersion ?? null, conflicts: [conflict], notes: [] };
  }
  const version = own?.currentVersion ?? null;
  if (own === undefined || version === null) {
    const conflict = `${secret.name} has no current version in ${environment}`;
    return { version: null, conflicts: [conflict], notes: [] };
  }
  // What it decides would be left behind.
  const conflicts =
    own.cutover === null
      ? []
      : [`cutover ${own.cutover.id} of ${secret.name} is under way: complete it or roll it back`];
  return { version, conflicts, notes: leftBehind(secret.name, own) };
}

function leftBehind(secret: string, { stagedVersions, previousVersion }: SecretEnvironmentAnswer) {
  const left = [...stagedVersions, ...(previousVersion === null ? [] : [previousVersion])];
  if (left.length === 0) return [];
  return [
    `only the current version of ${secret} is taken along, not ${left.sort((a, b) => a - b).join(', ')}`,
  ];
}

function doubled(members: readonly FamilyMember[]): string[] {
  const byEnvironment = new Map<string, string[]>();
  for (const { secret, environment } of members) {
    byEnvironment.set(environment, [...(byEnvironment.get(environment) ?? []), secret]);
  }
  return [...byEnvironment]
    .filter(([, secrets]) => secrets.length > 1)
    .map(([environment, secrets]) => `${secrets.join(' and ')} both are for ${environment}`);
}

/** What decides how a secret is used: it must be the same, or a person must say which it is to be. */
const DECIDING = {
  kind: '--kind',
  criticality: '--criticality',
  rotateEveryDays: '--rotate-every-days',
  maximumAgeDays: '--maximum-age-days',
  allowedHosts: '--allowed-host',
} as const;

function different(secrets: readonly SecretAnswer[]): string[] {
  return Object.entries(DECIDING).flatMap(([key, option]) => {
    const values = secrets.map((secret) => textOf(secret[key as keyof typeof DECIDING]));
    if (new Set(values).size <= 1) return [];
    const shown = secrets.map(({ name }, index) => `${name}: ${values[index]}`).join('; ');
    return [
      `${key} differs (${shown}): make it the same with keyferry secrets update NAME ${option}`,
    ];
  });
}

function textOf(value: string | number | readonly string[]): string {
  if (typeof value !== 'object') return String(value);
  return [...value].sort().join(', ') || 'any';
}

/** The new name may be there from an earlier merge that was cut short: with these very values, then. */
function taken(members: MergePlan['members'], name: string, facts: MergeFacts): string[] {
  const target = facts.secrets.get(name);
  if (target === undefined) return [];
  const foreign = target.environments.filter(({ environment, versions, currentVersion }) => {
    if (versions === 0) return false;
    const member = members.find((it) => it.environment === environment);
    const note = facts.present.get(environment)?.note;
    const expected = member && copyNote(member.secret, member.version ?? 0);
    return currentVersion === null || note !== expected;
  });
  if (foreign.length === 0) return [];
  const where = foreign.map(({ environment }) => environment).join(', ');
  return [`there is a secret ${name} already, with values of its own in ${where}`];
}

/** Where the routes go on naming one of them: in an environment that its name does not say. */
function stillNamed(routes: RoutesDocument, members: readonly FamilyMember[]): string[] {
  return members.flatMap(({ secret }) => {
    const places = routes.routes.flatMap((route) =>
      Object.keys(route.environments).flatMap((environment) => {
        const effective = effectiveRoute(route, environment);
        const placed = effective === undefined ? [] : placedTemplates(effective);
        const names = placed.flatMap(({ references }) => references.map((it) => it.name));
        return names.includes(secret) ? [`${route.name} (${environment})`] : [];
      }),
    );
    return places.length === 0 ? [] : [`${secret} stays named by ${places.join(', ')}`];
  });
}

function attributesOf(secrets: readonly SecretAnswer[]): Record<string, unknown> {
  const [first] = secrets;
  if (first === undefined) return {};
  const { kind, criticality, rotateEveryDays, maximumAgeDays, allowedHosts } = first;
  const same = <T>(values: readonly T[]): T | undefined =>
    new Set(values).size === 1 ? values[0] : undefined;
  const description = same(secrets.map((it) => it.description)) ?? undefined;
  const owner = same(secrets.map((it) => it.owner)) ?? undefined;
  const labels = Object.fromEntries(
    Object.entries(first.labels).filter(([key, value]) =>
      secrets.every((it) => it.labels[key] === value),
    ),
  );
  return {
    kind,
    criticality,
    allowedHosts,
    labels,
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner }),
    ...(rotateEveryDays === recommendedDays(kind, criticality) ? {} : { rotateEveryDays }),
    ...(maximumAgeDays === rotateEveryDays ? {} : { maximumAgeDays }),
  };
}

/** What describes a secret and differs: none of them is right for all. */
function leftOut(secrets: readonly SecretAnswer[]): string[] {
  const differs = (values: readonly unknown[]): boolean => new Set(values).size > 1;
  const labels = [...new Set(secrets.flatMap((it) => Object.keys(it.labels)))];
  const left = [
    ...(differs(secrets.map((it) => it.description)) ? ['description'] : []),
    ...(differs(secrets.map((it) => it.owner)) ? ['owner'] : []),
    ...labels
      .filter((key) => differs(secrets.map((it) => it.labels[key])))
      .map((key) => `label ${key}`),
  ];
  return left.length === 0 ? [] : [`differs and is left out: ${left.join(', ')}`];
}

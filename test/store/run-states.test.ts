import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AppError,
  DEFAULT_ROTATION_SETTINGS,
  isRunEnded,
  type RotationRun,
  RUN_STATES,
  RUN_TRANSITIONS,
  type RunState,
  SecretValue,
  type Store,
  SYSTEM_ACTOR,
} from '../../src/core/index.js';
import { inspectDatabase } from '../../src/maintenance/inspect-database.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const LEASE_MS = 60_000;
let opened: TestStore;
let secrets = 0;
const taken = new Set<string>();

beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.cleanUp());

/** What a run is to be, in the fewest words. */
class Model {
  readonly secret: string;
  readonly rotationId: string;
  readonly leases: { id: string; epoch: number }[] = [];
  run: RotationRun | undefined;
  isPaused = false;
  holder: string | undefined;
  heldUntilMs = 0;
  runs = 0;
  hasMaterial = false;
  isSealed = false;
  /** By number. */
  versions = new Map<number, 'live' | 'destroyed'>();
  last = 0;
  current = 0;

  constructor(secret: string, rotationId: string) {
    this.secret = secret;
    this.rotationId = rotationId;
  }

  get state(): RunState | undefined {
    return this.run === undefined || isRunEnded(this.run.state) ? undefined : this.run.state;
  }

  get isOpen(): boolean {
    return this.state !== undefined;
  }

  /** Whether the newest lease, or an older one, may write now. */
  holds(lease: { id: string; epoch: number }): boolean {
    const { run } = this;
    return (
      this.isOpen && run?.id === lease.id && run.epoch === lease.epoch && this.holder !== undefined
    );
  }

  mayGo(to: RunState): boolean {
    const { run, state } = this;
    if (run === undefined || state === undefined) return false;
    if (to === state) return true;
    if (run.resumesAs === 'REVOKING' && to !== 'REVOKING') return false;
    if (this.isSealed && ['PREFLIGHT', 'AWAITING_VALUE', 'MINTING'].includes(to)) return false;
    return RUN_TRANSITIONS[state].includes(to);
  }

  took(run: RotationRun): void {
    const before = this.run?.state;
    if (before !== run.state) taken.add(`${before} ${run.state}`);
    this.run = run;
    if (!['MINTING', 'CLEANUP', 'NEEDS_ATTENTION'].includes(run.state)) this.hasMaterial = false;
    if (!isRunEnded(run.state)) return;
    this.holder = undefined;
    if (run.toVersion !== null && !this.isSealed) this.versions.set(run.toVersion, 'destroyed');
  }
}

interface Real {
  readonly store: Store;
}

abstract class Command implements fc.AsyncCommand<Model, Real> {
  abstract check(model: Model): boolean;
  abstract take(model: Model, store: Store): Promise<void>;

  async run(model: Model, { store }: Real): Promise<void> {
    await this.take(model, store);
    const found = await store.getRotation(model.rotationId);
    expect(found?.run ?? undefined).toEqual(model.run);
    expect(found?.state).toBe(model.isPaused ? 'paused' : 'active');
    const versions = await store.listVersions(model.secret, 'production');
    const expected = [...model.versions].toSorted(([a], [b]) => b - a);
    expect(
      versions.map(({ version, state }) => [version, state === 'destroyed' ? state : 'live']),
    ).toEqual(expected);
    expect(
      versions.filter(({ state }) => state === 'current').map(({ version }) => version),
    ).toEqual([model.current]);
    const isFree = model.holder === undefined || opened.clock.now() >= model.heldUntilMs;
    const waits = model.state === 'AWAITING_VALUE' || model.state === 'NEEDS_ATTENTION';
    const claimable = await store.claimableRuns(1000);
    expect(claimable.some(({ rotationId }) => rotationId === model.rotationId)).toBe(
      model.isOpen && isFree && !waits && !model.isPaused,
    );
  }

  toString(): string {
    return `${this.constructor.name} ${JSON.stringify(this)}`;
  }
}

/** Undefined where it was refused as `code`. */
async function orRefused<T>(
  work: Promise<T>,
  isAllowed: boolean,
  code = 'conflict',
): Promise<T | undefined> {
  try {
    const result = await work;
    expect(isAllowed).toBe(true);
    return result;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect([error.code, error.message, isAllowed]).toEqual([code, error.message, false]);
    return undefined;
  }
}

class Start extends Command {
  check = () => true;
  async take(model: Model, store: Store) {
    const started = store.startRun({ actor, rotationId: model.rotationId, trigger: 'manual' });
    const run = await orRefused(started, !model.isOpen && !model.isPaused);
    if (run === undefined) return;
    model.runs++;
    model.isSealed = false;
    model.hasMaterial = false;
    model.run = run;
    model.holder = undefined;
  }
}

class Claim extends Command {
  readonly holder: string;
  constructor(holder: string) {
    super();
    this.holder = holder;
  }
  check = (model: Model) => model.isOpen;
  async take(model: Model, store: Store) {
    const id = model.run?.id ?? '';
    const run = await store.claimRun({ id, holder: this.holder, leaseMs: LEASE_MS });
    const isOthers = model.holder !== undefined && model.holder !== this.holder;
    const isHeld = isOthers && opened.clock.now() < model.heldUntilMs;
    expect(run === undefined).toBe(isHeld || model.isPaused);
    if (run === undefined) return;
    expect(run.epoch).toBe((model.run?.epoch ?? 0) + 1);
    model.run = run;
    model.holder = this.holder;
    model.heldUntilMs = opened.clock.now() + LEASE_MS;
    model.leases.push({ id, epoch: run.epoch });
  }
}

class Elapse extends Command {
  check = () => true;
  async take() {
    opened.clock.advance(LEASE_MS);
  }
}

class Advance extends Command {
  readonly to: RunState;
  readonly back: number;
  constructor(to: RunState, back: number) {
    super();
    this.to = to;
    this.back = back;
  }
  check = (model: Model) => model.leases.length > 0;
  async take(model: Model, store: Store) {
    const lease = model.leases.at(-1 - this.back);
    if (lease === undefined) return;
    const ifState = model.run?.state ?? 'PLANNED';
    const { to } = this;
    const isEmpty = model.run?.toVersion === null || !model.isSealed;
    const needsVersion = [
      'MINTED',
      'PROBING',
      'CUTOVER',
      'GRACE',
      'DISABLING',
      'SOAK',
      'REVOKING',
      'DONE',
    ];
    // These the commands for them take, and the rest of such a run needs a version.
    if (to === 'MINTING' || (isEmpty && needsVersion.includes(to))) return;
    const step = { actor: SYSTEM_ACTOR, lease, ifState, to, reason: 'test', note: 'test' };
    const run = await orRefused(store.advanceRun(step), model.holds(lease) && model.mayGo(to));
    if (run === undefined) return;
    expect(run.state).toBe(to);
    model.took(run);
  }
}

class Reserve extends Command {
  check = (model: Model) => model.leases.length > 0;
  async take(model: Model, store: Store) {
    const lease = model.leases.at(-1);
    if (lease === undefined) return;
    const ifState = model.run?.state ?? 'PLANNED';
    const material = SecretValue.fromText('material');
    const command = { actor: SYSTEM_ACTOR, lease, ifState, stepId: 'step', material };
    const isAllowed = model.holds(lease) && model.mayGo('MINTING');
    const before = model.run?.toVersion ?? null;
    const run = await orRefused(store.reserveVersion(command), isAllowed);
    if (run === undefined) return;
    if (before === null) model.last++;
    expect(run).toMatchObject({ toVersion: before ?? model.last, fromVersion: model.current });
    model.took(run);
    model.hasMaterial = true;
    expect((await store.openMaterial(lease))?.byteLength).toBe(material.byteLength);
  }
}

class Seal extends Command {
  readonly byPerson: boolean;
  constructor(byPerson: boolean) {
    super();
    this.byPerson = byPerson;
  }
  check = (model: Model) => model.leases.length > 0 && model.run !== undefined;
  async take(model: Model, store: Store) {
    const lease = model.leases.at(-1);
    if (lease === undefined || model.run === undefined) return;
    const value = SecretValue.fromText('value');
    const { id, state: ifState, toVersion: before } = model.run;
    const isAllowed =
      !model.isSealed &&
      (this.byPerson
        ? model.state === 'AWAITING_VALUE'
        : model.holds(lease) && model.mayGo('MINTED'));
    const sealed = this.byPerson
      ? store.giveValue({ actor, id, value })
      : store.sealMinted({ actor: SYSTEM_ACTOR, lease, ifState, value });
    const run = await orRefused(sealed, isAllowed);
    if (run === undefined) return;
    if (before === null) model.last++;
    const version = before ?? model.last;
    expect(run).toMatchObject({ state: 'MINTED', toVersion: version });
    model.versions.set(version, 'live');
    model.isSealed = true;
    if (this.byPerson) model.holder = undefined;
    model.took(run);
  }
}

class Direct extends Command {
  readonly to: 'resume' | 'rollback';
  constructor(to: 'resume' | 'rollback') {
    super();
    this.to = to;
  }
  check = (model: Model) => model.isOpen;
  async take(model: Model, store: Store) {
    const { run } = model;
    if (run === undefined) return;
    const stood = run.resumesAs ?? run.state;
    const isAllowed = this.to === 'resume' ? run.resumesAs !== null : stood !== 'REVOKING';
    const directed = await orRefused(
      store.directRun({ actor, id: run.id, to: this.to }),
      isAllowed,
    );
    if (directed === undefined) return;
    expect(directed.epoch).toBe(run.epoch + 1);
    model.holder = undefined;
    model.took(directed);
  }
}

class SetState extends Command {
  readonly state: 'active' | 'paused';
  constructor(state: 'active' | 'paused') {
    super();
    this.state = state;
  }
  check = () => true;
  async take(model: Model, store: Store) {
    await store.setRotationState({ actor, id: model.rotationId, state: this.state });
    model.isPaused = this.state === 'paused';
  }
}

class Add extends Command {
  check = () => true;
  async take(model: Model, store: Store) {
    const value = SecretValue.fromText('by hand');
    await store.addVersion({ actor, secret: model.secret, environment: 'production', value });
    model.versions.set(++model.last, 'live');
  }
}

class Activate extends Command {
  check = (model: Model) => model.isSealed && model.run?.toVersion !== null;
  async take(model: Model, store: Store) {
    const version = model.run?.toVersion ?? 0;
    const stood = model.run?.resumesAs ?? model.state ?? '';
    const isHeld = ['DISABLING', 'SOAK', 'REVOKING'].includes(stood);
    const place = { actor, secret: model.secret, environment: 'production', version };
    const activated = store.activateVersion(place);
    const found = await orRefused(activated, !isHeld || model.current === version);
    if (found !== undefined) model.current = version;
  }
}

/** By one of the ways that there are; the first of them leads on. */
class Onward extends Command {
  readonly way: number;
  constructor(way: number) {
    super();
    this.way = way;
  }
  check = (model: Model) => model.isOpen;
  async take(model: Model, store: Store) {
    const ways = RUN_TRANSITIONS[model.state ?? 'DONE'];
    const to = ways[this.way % ways.length];
    if (to === undefined) return;
    if (to === 'MINTING') return new Reserve().take(model, store);
    if (to === 'MINTED') return new Seal(false).take(model, store);
    return new Advance(to, 0).take(model, store);
  }
}

const towards = (to: RunState): fc.Arbitrary<Command> => fc.constant(new Advance(to, 0));
const commands = [
  fc.constant<Command>(new Start()),
  fc.constantFrom('a', 'a', 'b').map((holder): Command => new Claim(holder)),
  fc.constantFrom('a', 'a', 'b').map((holder): Command => new Claim(holder)),
  fc.constant<Command>(new Elapse()),
  fc
    .record({ to: fc.constantFrom(...RUN_STATES), back: fc.nat({ max: 1 }) })
    .map(({ to, back }): Command => new Advance(to, back)),
  ...RUN_STATES.map(towards),
  ...Array.from({ length: 12 }, () => fc.constant<Command>(new Onward(0))),
  ...Array.from({ length: 12 }, () => fc.nat({ max: 15 }).map((way): Command => new Onward(way))),
  fc.constant<Command>(new Reserve()),
  fc.constant<Command>(new Reserve()),
  fc.boolean().map((byPerson): Command => new Seal(byPerson)),
  fc.constant<Command>(new Seal(false)),
  fc.constantFrom('resume' as const, 'rollback' as const).map((to): Command => new Direct(to)),
  fc
    .constantFrom('active' as const, 'active' as const, 'paused' as const)
    .map((state): Command => new SetState(state)),
  fc.constant<Command>(new Add()),
  fc.constant<Command>(new Activate()),
];

async function setUp(): Promise<{ model: Model; real: Real }> {
  const { store } = opened;
  const secret = `key${++secrets}`;
  await store.createSecret({ actor, name: secret });
  const rotation = await store.enableRotation({
    ...DEFAULT_ROTATION_SETTINGS,
    actor,
    secret,
    environment: 'production',
    provider: 'aws',
    intervalDays: 90,
    cron: null,
    config: {},
    nextRunAtMs: null,
  });
  const model = new Model(secret, rotation.id);
  const value = SecretValue.fromText('first');
  await store.addVersion({ actor, secret, environment: 'production', value });
  model.versions.set(1, 'live');
  model.last = 1;
  model.current = 1;
  await new Start().take(model, store);
  await new Claim('a').take(model, store);
  return { model, real: { store } };
}

test('a run follows the rules, whatever is done in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (drawn) => {
      const prepared = await setUp();
      await fc.asyncModelRun(() => prepared, drawn);
      // The next property's list of what can be claimed is its own.
      await opened.store.setRotationState({
        actor,
        id: prepared.model.rotationId,
        state: 'paused',
      });
    }),
    { numRuns: 60, seed: 20_261_121, endOnFailure: true },
  );
  expect(taken.size).toBeGreaterThan(25);
  expect(await opened.store.verifyAudit()).toMatchObject({ ok: true });
  const { dataDir, clock } = opened;
  const { database } = await inspectDatabase({ dataDir, clock });
  expect(await database.verifyRows()).toMatchObject({ altered: [], missing: 0 });
  await database.close();
});

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SecretValue, type VersionState } from '../../src/core/index.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

/** What the contract says of one secret in one environment, in the fewest words. */
class Model {
  readonly ended = new Map<number, 'revoked' | 'destroyed'>();
  readonly activated = new Set<number>();
  current: number | undefined;
  previous: number | undefined;
  last = 0;

  add(): void {
    this.last++;
    if (this.last === 1) this.makeCurrent(1);
  }

  makeCurrent(version: number): void {
    if (version === this.current) return;
    const others = [this.current, this.previous];
    this.previous = others.find((other) => other !== undefined && other !== version);
    this.current = version;
    this.activated.add(version);
  }

  end(version: number, state: 'revoked' | 'destroyed'): void {
    if (this.current === version) this.current = undefined;
    if (this.previous === version) this.previous = undefined;
    this.ended.set(version, state);
  }

  stateOf(version: number): VersionState {
    const ended = this.ended.get(version);
    if (ended !== undefined) return ended;
    if (this.current === version) return 'current';
    return this.activated.has(version) ? 'previous' : 'staged';
  }
}

const step = fc.oneof(
  { arbitrary: fc.constant({ type: 'add' } as const), weight: 2 },
  {
    arbitrary: fc.record({
      type: fc.constant('activate' as const),
      version: fc.integer({ min: 1, max: 5 }),
    }),
    weight: 2,
  },
  fc.constant({ type: 'rollback' } as const),
  fc.record({
    type: fc.constantFrom('revoke' as const, 'destroy' as const),
    version: fc.integer({ min: 1, max: 5 }),
    forced: fc.boolean(),
  }),
);

let opened: TestStore;
let runs = 0;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.cleanUp());

test('the states of versions follow the rules, whatever is done in whatever order', async () => {
  const { store } = opened;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
      async (steps) => {
        const secret = `s${runs++}`;
        await store.createSecret({ actor, name: secret });
        const place = { actor, secret, environment: 'staging' };
        const model = new Model();
        for (const taken of steps) {
          const code = await take(taken, place, model).then(
            () => undefined,
            (error: { code: string }) => error.code,
          );
          expect(code).toBe(expectedCode(taken, model));
          if (code === undefined) apply(taken, model);
          const versions = await store.listVersions(secret, 'staging');
          expect(versions.map(({ version, state }) => [version, state])).toEqual(
            Array.from({ length: model.last }, (_, i) => model.last - i).map((version) => [
              version,
              model.stateOf(version),
            ]),
          );
          const [answer] = await store.resolveValues([{ ...place, version: undefined }]);
          if (model.current !== undefined) {
            expect(answer).toMatchObject({ status: 'found', version: model.current });
          } else {
            expect(answer?.status).toBe(model.last === 0 ? 'missing' : 'revoked');
          }
        }
      },
    ),
    { numRuns: 60 },
  );
  expect(await store.verifyAudit()).toMatchObject({ ok: true });
  expect(await store.check()).toMatchObject({ integrity: 'ok' });
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Place = { actor: typeof actor; secret: string; environment: string };

async function take(taken: Step, place: Place, model: Model): Promise<void> {
  const { store } = opened;
  if (taken.type === 'add') {
    await store.addVersion({ ...place, value: SecretValue.fromText(`v${model.last + 1}`) });
  } else if (taken.type === 'activate') {
    await store.activateVersion({ ...place, version: taken.version });
  } else if (taken.type === 'rollback') {
    await store.rollback(place);
  } else {
    const force = taken.forced ? { reason: 'test' } : undefined;
    const command = { ...place, version: taken.version, force };
    if (taken.type === 'revoke') await store.revokeVersion(command);
    else await store.destroyVersion(command);
  }
}

function expectedCode(taken: Step, model: Model): string | undefined {
  if (taken.type === 'add') return undefined;
  if (taken.type === 'rollback') {
    return model.previous === undefined ? 'version_unusable' : undefined;
  }
  if (taken.version > model.last) return 'not_found';
  const ended = model.ended.get(taken.version);
  if (taken.type === 'activate') return ended === undefined ? undefined : 'version_unusable';
  if (taken.type === 'revoke' && ended === 'destroyed') return 'version_unusable';
  if (taken.type === 'revoke' && ended === 'revoked') return undefined;
  if (ended === 'destroyed') return undefined;
  return model.current === taken.version && !taken.forced ? 'in_use' : undefined;
}

function apply(taken: Step, model: Model): void {
  if (taken.type === 'add') model.add();
  else if (taken.type === 'activate') model.makeCurrent(taken.version);
  else if (taken.type === 'rollback') model.makeCurrent(model.previous ?? 0);
  else if (model.ended.get(taken.version) !== 'destroyed') {
    model.end(taken.version, taken.type === 'revoke' ? 'revoked' : 'destroyed');
  }
}

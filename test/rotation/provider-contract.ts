import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { SecretValue } from '../../src/core/index.js';
import {
  configProblems,
  fieldsOf,
  type KeyCall,
  keyActionsOf,
  type Minted,
  type MintingPlan,
  type Provider,
  valueOfFields,
} from '../../src/rotation/index.js';
import { ProviderRig } from '../support/provider-rig.js';
import type { ProviderStandIn, StandInFault } from '../support/provider-stand-in.js';

const ALWAYS = 1000;

interface Skipping {
  readonly skip: (condition: boolean, note: string) => void;
}

/**
 * What every provider keeps, against its stand-in: one that is started anew for each test. `mode` names a way of
 * working where the provider has several.
 */
export function describeProvider<Config>(
  provider: Provider<Config>,
  startStandIn: () => Promise<ProviderStandIn>,
  mode?: string,
): void {
  const start = async (): Promise<ProviderRig<Config>> => {
    const standIn = await startStandIn();
    onTestFinished(() => standIn.close());
    return new ProviderRig(provider, standIn);
  };
  const startWith = async (
    fault: StandInFault,
    { skip }: Skipping,
  ): Promise<ProviderRig<Config>> => {
    const rig = await start();
    skip(!rig.standIn.faults.includes(fault), `its provider cannot have ${fault}`);
    return rig;
  };
  /** By a person's hand where a person mints. */
  const obtain = async (rig: ProviderRig<Config>, stepId: string = randomUUID()) => {
    const plan = await rig.plan();
    if (provider.recovery(rig.config) !== 'assisted') {
      return { plan, stepId, minted: await rig.mint(plan, stepId) };
    }
    const value = SecretValue.fromText((await rig.standIn.valueToPaste?.()) ?? '');
    rig.know(value);
    const minted: Minted = { value };
    return { plan, stepId, minted };
  };
  const skipAssisted = ({ config }: ProviderRig<Config>, { skip }: Skipping): void =>
    skip(provider.recovery(config) === 'assisted', 'a person mints');

  /** What only a person can end is asked for until that is done. */
  const revoke = async (rig: ProviderRig<Config>, call: KeyCall<Config>): Promise<void> => {
    const { standIn } = rig;
    if (call.keyId === null && call.value !== undefined && standIn.endByHand !== undefined) {
      const headers = rig.headersWith(call.value);
      if (await standIn.accepts(headers)) {
        const failed = await rig.failureOf(provider.revoke?.(call) ?? Promise.resolve());
        expect(failed.failure).toBe('unavailable');
        expect(failed.whatToDo).not.toBe('');
        await standIn.endByHand(headers);
      }
    }
    await provider.revoke?.(call);
  };

  describe(`provider ${provider.id}${mode === undefined ? '' : `, ${mode}`}`, () => {
    describe('has a config that', () => {
      it('is strict, and tells an unknown field with its nearest spelling', async () => {
        const { standIn, config } = await start();
        expect(configProblems(provider.config, standIn.config)).toEqual([]);
        const [field = ''] = Object.keys(standIn.config).sort((a, b) => b.length - a.length);
        const misspelt = `${field}s`;
        expect(
          configProblems(provider.config, { ...standIn.config, [misspelt]: 1 }),
        ).toContainEqual(expect.objectContaining({ path: misspelt, nearest: field }));
        expect(provider.config.safeParse(config).success).toBe(true);
      });

      it('tells what is missing', async ({ skip }) => {
        const { standIn } = await start();
        const missed = Object.keys(standIn.config).filter((field) => {
          const { [field]: _left, ...others } = standIn.config;
          const problems = configProblems(provider.config, others);
          expect(problems.every(({ message }) => message !== '')).toBe(true);
          return problems.some(({ path }) => path === field);
        });
        const { required = [] } = z.toJSONSchema(provider.config, { io: 'input' });
        skip(missed.length === 0 && required.length === 0, 'it needs none of them');
        expect(missed).toEqual(expect.arrayContaining(required));
      });

      it('refuses values of another shape, and repeats none', async () => {
        const { standIn } = await start();
        for (const [field, value] of Object.entries(standIn.config)) {
          const isObject = typeof value === 'object' && !Array.isArray(value);
          const wrong = isObject ? 'canary-in-place' : { canary: 'canary-in-place' };
          const problems = configProblems(provider.config, { ...standIn.config, [field]: wrong });
          expect(problems.map(({ path }) => path.split(/[.[]/)[0])).toContain(field);
          expect(JSON.stringify(problems)).not.toContain('canary-in-place');
        }
        expect(configProblems(provider.config, null)).not.toEqual([]);
        expect(configProblems(provider.config, [])).not.toEqual([]);
      });

      it('forms and documentation can be made of', async () => {
        const { config, standIn } = await start();
        const schema = z.toJSONSchema(provider.config, { io: 'input' });
        const objects = schema.anyOf ?? schema.oneOf ?? [schema];
        for (const object of objects) {
          expect(object).toMatchObject({ type: 'object', additionalProperties: false });
        }
        const fields = Object.assign({}, ...objects.map(({ properties }) => properties)) as Record<
          string,
          { description?: string; 'x-keyferry'?: string; additionalProperties?: object }
        >;
        for (const [field, secret] of Object.entries(provider.credentialsOf(config))) {
          // A field of names has a mark for all of them.
          const [name = '', ofMany] = field.split('.');
          const marked = ofMany === undefined ? fields[name] : fields[name]?.additionalProperties;
          expect(marked).toMatchObject({ 'x-keyferry': 'provider-secret' });
          expect(Object.keys(standIn.providerSecrets)).toContain(secret);
        }
        const bare = Object.keys(fields).filter((name) => fields[name]?.description === undefined);
        expect(bare).toEqual([]);
      });
    });

    describe('when it is checked', () => {
      const checked = async (rig: ProviderRig<Config>, changes = {}) => {
        const findings = await provider.check(rig.call(changes));
        for (const { what, detail } of findings) rig.said.push(what, detail);
        expect(findings.length).toBeGreaterThan(0);
        for (const { what, detail } of findings) {
          expect(what).not.toBe('');
          expect(detail).not.toBe('');
        }
        expect(await rig.leaks()).toEqual([]);
        return findings;
      };
      const wrong = (findings: Awaited<ReturnType<typeof checked>>): string =>
        findings.flatMap(({ ok, detail }) => (ok ? [] : [detail])).join('\n');

      it('finds all in order, and changes nothing', async () => {
        const rig = await start();
        const before = await rig.standIn.keys();
        const findings = await checked(rig);
        expect(findings.filter(({ ok }) => !ok)).toEqual([]);
        await checked(rig);
        expect(await rig.standIn.keys()).toEqual(before);
        if (rig.current !== undefined) expect(await rig.becomes(rig.current, true)).toBe(true);
      });

      it.for(['wrong_credentials', 'missing_permission'] as const)(
        'finds %s',
        async (fault, context) => {
          const rig = await startWith(fault, context);
          const before = await rig.standIn.keys();
          rig.standIn.fail(fault, ALWAYS);
          expect(wrong(await checked(rig))).not.toBe('');
          expect(await rig.standIn.keys()).toEqual(before);
        },
      );

      it('tells one trouble from another', async ({ skip }) => {
        const told = new Map<string, string>();
        for (const fault of ['wrong_credentials', 'missing_permission'] as const) {
          const rig = await start();
          if (!rig.standIn.faults.includes(fault)) continue;
          rig.standIn.fail(fault, ALWAYS);
          told.set(fault, wrong(await checked(rig)));
        }
        const rig = await start();
        await rig.standIn.close();
        told.set('unreachable', wrong(await checked(rig)));
        expect([...told.values()]).not.toContain('');
        expect(new Set(told.values()).size).toBe(told.size);
        skip(told.size === 1, 'its provider has no credentials');
      });

      it('finds that a credential has no value', async ({ skip }) => {
        const rig = await start();
        skip(rig.credentials.size === 0, 'its provider has no credentials');
        expect(wrong(await checked(rig, { credentials: new Map() }))).not.toBe('');
      });

      it('ends in time when it is broken off', async () => {
        const rig = await start();
        expect(wrong(await checked(rig, { signal: AbortSignal.abort() }))).not.toBe('');
      });
    });

    it('names the account that it works on, the same each time', async () => {
      const rig = await start();
      const principal = await provider.principal(rig.call());
      expect(principal).not.toBe('');
      expect(await provider.principal(rig.call())).toBe(principal);
      rig.said.push(principal);
      expect(await rig.leaks()).toEqual([]);
    });

    describe('minting', () => {
      it('plans without changing anything', async () => {
        const rig = await start();
        const before = await rig.standIn.keys();
        const { material: _material, ...plan } = await rig.plan();
        await rig.plan();
        expect(await rig.standIn.keys()).toEqual(before);
        rig.said.push(JSON.stringify(plan));
        expect(await rig.leaks()).toEqual([]);
      });

      it('makes one key that works beside the old one', async () => {
        const rig = await start();
        const before = await rig.standIn.keys();
        const { plan, minted } = await obtain(rig);
        await rig.verify(minted);
        expect(await rig.becomes(minted.value, true)).toBe(true);
        if (rig.current !== undefined) {
          expect(minted.value.equals(rig.current)).toBe(false);
          expect(await rig.becomes(rig.current, true)).toBe(true);
        }
        const { fields } = rig.standIn;
        expect(provider.fields(rig.config)).toEqual(fields);
        if (fields.length > 0) {
          expect(Object.keys(fieldsOf(minted.value) ?? {}).sort()).toEqual([...fields].sort());
          expect([...(minted.fields ?? [])].sort()).toEqual([...fields].sort());
        } else expect(minted.fields ?? []).toEqual([]);
        const made = await rig.keysOf('keyferry', 'live');
        expect(made).toHaveLength(1);
        if (minted.keyId !== undefined) {
          expect(made[0]?.id).toBe(minted.keyId);
          expect(plan.keyIds ?? []).not.toContain(minted.keyId);
        }
        if (plan.oldKeyId !== undefined) {
          expect(before.map(({ id }) => id)).toContain(plan.oldKeyId);
        }
        if (minted.expiresAtMs !== undefined) {
          expect(minted.expiresAtMs).toBeGreaterThan(Date.now());
        }
        if (provider.byExpiry?.(rig.config)) expect(minted.expiresAtMs).toBeDefined();
        expect(await rig.leaks()).toEqual([]);
      });

      it('once more with the same step makes no second key', async ({ skip }) => {
        const rig = await start();
        const recovery = provider.recovery(rig.config);
        skip(!['apply', 'replay'].includes(recovery), 'a step of it cannot be repeated');
        const plan = await rig.plan();
        const stepId = randomUUID();
        const first = await rig.mint(plan, stepId);
        const second = await rig.mint(plan, stepId);
        expect(second.value.equals(first.value)).toBe(true);
        expect(second.keyId).toBe(first.keyId);
        expect(await rig.keysOf('keyferry', 'live')).toHaveLength(1);
        await rig.verify(second);
        expect(await rig.becomes(second.value, true)).toBe(true);
      });

      it('whose answer is lost ends in time, unknown, and is recovered', async (context) => {
        const rig = await startWith('lost_answer', context);
        skipAssisted(rig, context);
        const plan = await rig.plan();
        const stepId = randomUUID();
        rig.standIn.fail('lost_answer');
        const beganMs = Date.now();
        const failed = await rig.failureOf(rig.mint(plan, stepId, AbortSignal.timeout(700)));
        expect(Date.now() - beganMs).toBeLessThan(10_000);
        expect(failed.failure).toBe('unknown');
        expect(failed.whatToDo).not.toBe('');
        await recover(rig, plan, stepId);
        expect(await rig.leaks()).toEqual([]);
      });

      it('that is throttled makes nothing, and says when to come again', async (context) => {
        const rig = await startWith('throttled', context);
        skipAssisted(rig, context);
        const plan = await rig.plan();
        const before = await rig.standIn.keys();
        rig.standIn.fail('throttled');
        const failed = await rig.failureOf(rig.mint(plan, randomUUID()));
        expect(failed.failure).toBe('throttled');
        const { retryAfterSeconds } = rig.standIn;
        if (retryAfterSeconds !== undefined) {
          expect(failed.retryAfterMs).toBe(retryAfterSeconds * 1000);
        }
        expect(await rig.standIn.keys()).toEqual(before);
        await rig.verify(await rig.mint(plan, randomUUID()));
        expect(await rig.leaks()).toEqual([]);
      });

      it('at a provider that fails makes nothing', async (context) => {
        const rig = await startWith('unavailable', context);
        skipAssisted(rig, context);
        const plan = await rig.plan();
        const before = await rig.standIn.keys();
        const stepId = randomUUID();
        rig.standIn.fail('unavailable');
        const failed = await rig.failureOf(rig.mint(plan, stepId));
        // An answer of 5xx does not say whether something was made.
        expect(['unavailable', 'unknown']).toContain(failed.failure);
        expect(await rig.standIn.keys()).toEqual(before);
        if (failed.failure === 'unknown') await recover(rig, plan, stepId);
        else await rig.verify(await rig.mint(plan, stepId));
        expect(await rig.leaks()).toEqual([]);
      });

      it('at a provider that cannot be reached is no unknown', async (context) => {
        const rig = await start();
        skipAssisted(rig, context);
        const plan = await rig.plan();
        await rig.standIn.close();
        const failed = await rig.failureOf(rig.mint(plan, randomUUID()));
        expect(['unavailable', 'refused']).toContain(failed.failure);
        // Some plan by themselves.
        const planned = await rig.plan().catch((error: Error) => error);
        if (planned instanceof Error) {
          expect((await rig.failureOf(Promise.reject(planned))).whatToDo).not.toBe('');
        }
      });

      it.for(['wrong_credentials', 'missing_permission'] as const)(
        'with %s is refused, and says what to do',
        async (fault, context) => {
          const rig = await startWith(fault, context);
          skipAssisted(rig, context);
          const plan = await rig.plan();
          const before = await rig.standIn.keys();
          rig.standIn.fail(fault, ALWAYS);
          const failed = await rig.failureOf(rig.mint(plan, randomUUID()));
          expect(failed.failure).toBe('refused');
          expect(failed.whatToDo).not.toBe('');
          expect(await rig.standIn.keys()).toEqual(before);
          expect(await rig.leaks()).toEqual([]);
        },
      );

      it('without its credential is refused', async (context) => {
        const rig = await start();
        skipAssisted(rig, context);
        context.skip(rig.credentials.size === 0, 'its provider has no credentials');
        const plan = await rig.plan();
        rig.credentials.clear();
        const failed = await rig.failureOf(rig.mint(plan, randomUUID()));
        expect(failed.failure).toBe('refused');
        expect(failed.whatToDo).not.toBe('');
      });

      it('with what was used up is told apart', async (context) => {
        const rig = await startWith('spent', context);
        const plan = await rig.plan();
        rig.standIn.fail('spent', ALWAYS);
        const failed = await rig.failureOf(rig.mint(plan, randomUUID()));
        expect(failed.failure).toBe('spent');
        expect(failed.whatToDo).not.toBe('');
        expect(await rig.leaks()).toEqual([]);
      });

      it('that is broken off before it begins makes nothing', async (context) => {
        const rig = await start();
        skipAssisted(rig, context);
        const plan = await rig.plan();
        const before = await rig.standIn.keys();
        await rig.failureOf(rig.mint(plan, randomUUID(), AbortSignal.abort()));
        expect(await rig.standIn.keys()).toEqual(before);
      });

      it('is left to a person where a person mints', async ({ skip }) => {
        const rig = await start();
        skip(provider.recovery(rig.config) !== 'assisted', 'no person mints');
        const failed = await rig.failureOf(rig.mint(await rig.plan(), randomUUID()));
        expect(failed.failure).toBe('refused');
        expect(failed.whatToDo).not.toBe('');
      });
    });

    describe('verifying', () => {
      it('finds that a key does not work', async (context) => {
        const rig = await startWith('broken_key', context);
        rig.standIn.fail('broken_key');
        const { minted } = await obtain(rig);
        const failed = await rig.failureOf(rig.verify(minted, 1500));
        expect(failed.failure).toBe('refused');
        expect(failed.whatToDo).not.toBe('');
        expect(await rig.leaks()).toEqual([]);
      });

      it('finds that a value is no key of it', async ({ skip }) => {
        const rig = await start();
        skip(rig.standIn.verifies === false, 'nobody can be asked');
        const { fields } = rig.standIn;
        const value =
          fields.length === 0
            ? SecretValue.fromText('canary-value-of-nobody')
            : valueOfFields(Object.fromEntries(fields.map((name) => [name, `canary-of-${name}`])));
        rig.know(value);
        const failed = await rig.failureOf(rig.verify({ value }, 200));
        expect(failed.failure).toBe('refused');
        expect(await rig.leaks()).toEqual([]);
      });

      it('at a provider that cannot be reached is to be asked again', async ({ skip }) => {
        const rig = await start();
        skip(rig.standIn.verifies === false, 'nobody can be asked');
        const { minted } = await obtain(rig);
        await rig.standIn.close();
        const failed = await rig.failureOf(rig.provider.verify(rig.call(), minted));
        expect(failed.failure).toBe('unavailable');
        expect(await rig.leaks()).toEqual([]);
      });
    });

    describe('the old key', () => {
      /** A run's new key that works, and its old one. */
      const replaced = async (skip: Skipping['skip'], needs: 'disable' | 'revoke') => {
        const rig = await start();
        skip(!keyActionsOf(provider, rig.config)[needs], `its keys have no ${needs}`);
        const first = rig.current;
        const { plan, stepId, minted } = await obtain(rig);
        await rig.verify(minted);
        // Where the first run makes the first value, the second one replaces it.
        if (first === undefined) {
          rig.current = minted.value;
          const second = await obtain(rig);
          await rig.verify(second.minted);
          rig.current = second.minted.value;
          const call = rig.keyCall(second.stepId, 'replaced', minted);
          return { rig, old: minted.value, minted: second.minted, call };
        }
        rig.current = minted.value;
        const key = { keyId: plan.oldKeyId, value: first };
        return { rig, old: first, minted, call: rig.keyCall(stepId, 'replaced', key) };
      };

      it('is disabled, enabled and disabled again; each may be repeated', async ({ skip }) => {
        const { rig, old, minted, call } = await replaced(skip, 'disable');
        for (const round of [1, 2]) {
          await provider.disable?.(call);
          await provider.disable?.(call);
          expect([round, await rig.becomes(old, false)]).toEqual([round, true]);
          await provider.enable?.(call);
          await provider.enable?.(call);
          expect([round, await rig.becomes(old, true)]).toEqual([round, true]);
          expect(await rig.becomes(minted.value, true)).toBe(true);
        }
        expect(await rig.leaks()).toEqual([]);
      });

      it('is revoked, which may be repeated; the new one stays', async ({ skip }) => {
        const { rig, old, minted, call } = await replaced(skip, 'revoke');
        if (keyActionsOf(provider, rig.config).disable) await provider.disable?.(call);
        await revoke(rig, call);
        await revoke(rig, call);
        expect(await rig.becomes(old, false)).toBe(true);
        expect(await rig.keysBecome((keys) => keys.some(({ state }) => state === 'gone'))).toBe(
          true,
        );
        if (keyActionsOf(provider, rig.config).disable) await provider.disable?.(call);
        expect(await rig.becomes(minted.value, true)).toBe(true);
        await rig.verify(minted);
        expect(await rig.leaks()).toEqual([]);
      });

      it('is still there when its revocation is refused', async (context) => {
        const faulty = await startWith('refused_revocation', context);
        context.skip(!faulty.standIn.faults.includes('refused_revocation'), 'none is refused');
        const { rig, call, old } = await replaced(context.skip, 'revoke');
        rig.standIn.fail('refused_revocation');
        const failed = await rig.failureOf(provider.revoke?.(call) ?? Promise.resolve());
        expect(['refused', 'unavailable']).toContain(failed.failure);
        expect(failed.whatToDo).not.toBe('');
        await provider.revoke?.(call);
        expect(await rig.becomes(old, false)).toBe(true);
        expect(await rig.leaks()).toEqual([]);
      });

      it('tells when it was last used, where the provider knows', async ({ skip }) => {
        skip(provider.lastUsedAtMs === undefined, 'its provider does not tell');
        const { call } = await replaced(skip, 'revoke');
        const atMs = await provider.lastUsedAtMs?.(call);
        expect(atMs ?? 0).toBeLessThanOrEqual(Date.now());
      });
    });

    it('takes a new key back without touching the old one', async ({ skip }) => {
      const rig = await start();
      const actions = keyActionsOf(provider, rig.config);
      skip(!actions.revoke && !actions.disable, 'its keys only expire');
      const { stepId, minted } = await obtain(rig);
      const call = rig.keyCall(stepId, 'taken_back', minted, 2);
      for (const _again of [1, 2]) {
        if (actions.disable) await provider.disable?.(call);
        if (actions.revoke) await revoke(rig, call);
      }
      expect(await rig.becomes(minted.value, false)).toBe(true);
      if (rig.current !== undefined) expect(await rig.becomes(rig.current, true)).toBe(true);
    });

    it('touches no key that somebody else has made', async ({ skip }) => {
      const rig = await start();
      skip(rig.standIn.addForeignKey === undefined, 'nobody else can make keys there');
      skipAssisted(rig, { skip });
      const plan = await rig.plan();
      const foreign = await rig.standIn.addForeignKey?.();
      const stepId = randomUUID();
      const minted = await rig.mint(plan, stepId).catch((error: unknown) => error);
      if (minted instanceof Error) {
        expect((await rig.failureOf(Promise.reject(minted))).failure).toBe('refused');
        expect(await rig.keysOf('keyferry')).toEqual([]);
      } else await rig.verify(minted as Minted);
      await provider.check(rig.call());
      await rig.plan().catch((error: Error) => rig.hear(error));
      const others = await rig.keysOf('other', 'live');
      expect(others.map(({ id }) => id)).toEqual([foreign]);
    });
  });
}

/** As the engine goes on after a minting of which nothing is known: one key is left, and it works. */
async function recover<Config>(
  rig: ProviderRig<Config>,
  plan: MintingPlan,
  stepId: string,
): Promise<void> {
  const { provider } = rig;
  const recovery = provider.recovery(rig.config);
  if (recovery === 'consume') return;
  if (recovery === 'expire') {
    // What the first one made expires; or it has used up what another one needs.
    const minted = await rig.mint(plan, stepId).catch((error: unknown) => error);
    if (minted instanceof Error) {
      expect((await rig.failureOf(Promise.reject(minted))).failure).toBe('spent');
    } else await rig.verify(minted as Minted);
    return;
  }
  let again = stepId;
  if (recovery === 'list') {
    const made = (await rig.keysOf('keyferry')).map(({ id }) => id);
    let found: readonly string[] = [];
    const isListed = await rig.keysBecome(async () => {
      const listed = (await provider.listKeyIds?.(rig.call())) ?? [];
      found = listed.filter((id) => plan.keyIds?.includes(id) === false);
      return made.every((id) => found.includes(id));
    });
    expect(isListed).toBe(true);
    expect(found).toEqual(made);
    for (const keyId of found) {
      const orphan = rig.keyCall(stepId, 'taken_back', { keyId }, null);
      await provider.disable?.(orphan);
      await provider.revoke?.(orphan);
    }
    again = randomUUID();
  }
  const minted = await rig.mint(plan, again);
  await rig.verify(minted);
  expect(await rig.becomes(minted.value, true)).toBe(true);
  expect(
    await rig.keysBecome((keys) => {
      return (
        keys.filter(({ madeBy, state }) => madeBy === 'keyferry' && state === 'live').length === 1
      );
    }),
  ).toBe(true);
}

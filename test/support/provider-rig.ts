import { onTestFinished, vi } from 'vitest';
import { compileTemplate, type Outbound, SecretValue } from '../../src/core/index.js';
import { createOutbound } from '../../src/proxy/index.js';
import {
  fieldsOf,
  type KeyCall,
  type MintCall,
  type Minted,
  type MintingPlan,
  type Provider,
  type ProviderCall,
  ProviderError,
  textOf,
} from '../../src/rotation/index.js';
import { CanaryWatch } from './canary.js';
import { FOREIGN_WORDS, type ProviderStandIn, type StandInKey } from './provider-stand-in.js';

/** Every call ends by then, whatever the provider does. */
const CALL_MS = 10_000;
/** Providers take a while until all of them know what one was told. */
const CONSISTENT_MS = 10_000;

export const outbound: Outbound = createOutbound();

/** One provider, called as the engine calls it, and all that it says, which holds no secret in the end. */
export class ProviderRig<Config> {
  readonly provider: Provider<Config>;
  readonly standIn: ProviderStandIn;
  readonly config: Config;
  readonly credentials: Map<string, SecretValue>;
  current: SecretValue | undefined;
  readonly said: string[] = [];
  readonly #secrets: string[] = [];

  constructor(provider: Provider<Config>, standIn: ProviderStandIn) {
    this.provider = provider;
    this.standIn = standIn;
    this.config = provider.config.parse(standIn.config);
    const named = Object.entries(provider.credentialsOf(this.config));
    this.credentials = new Map(
      named.map(([field, secret]) => {
        const value = standIn.providerSecrets[secret];
        if (value === undefined) throw new Error(`the stand-in has no secret ${secret}`);
        return [field, SecretValue.fromText(value)] as const;
      }),
    );
    const { initial } = standIn;
    this.current = initial === undefined ? undefined : SecretValue.fromText(initial);
    for (const value of this.credentials.values()) this.know(value);
    if (this.current !== undefined) this.know(this.current);
    this.#listen();
  }

  call(changes: Partial<ProviderCall<Config>> = {}): ProviderCall<Config> {
    return {
      config: this.config,
      credentials: this.credentials,
      current: this.current,
      secret: 'key',
      environment: 'production',
      outbound,
      clock: Date,
      signal: AbortSignal.timeout(CALL_MS),
      ...changes,
    };
  }

  mintCall(plan: MintingPlan, stepId: string, signal?: AbortSignal): MintCall<Config> {
    return {
      ...this.call(signal === undefined ? {} : { signal }),
      stepId,
      material: plan.material,
      keyIds: plan.keyIds ?? null,
      oldKeyId: plan.oldKeyId ?? null,
    };
  }

  /** The key in use before (`replaced`), or the new one (`taken_back`). */
  keyCall(
    stepId: string,
    because: KeyCall<Config>['because'],
    key: { readonly keyId?: string | undefined; readonly value?: SecretValue | undefined },
    version: number | null = 1,
  ): KeyCall<Config> {
    const { keyId = null, value } = key;
    return { ...this.call(), stepId, because, version, keyId, value, cutOff: false };
  }

  async plan(): Promise<MintingPlan> {
    const plan = await this.provider.plan(this.call());
    if (plan.material !== undefined) this.know(plan.material);
    return plan;
  }

  async mint(plan: MintingPlan, stepId: string, signal?: AbortSignal): Promise<Minted> {
    const minted = await this.provider.mint(this.mintCall(plan, stepId, signal));
    this.know(minted.value);
    for (const [field, value] of minted.credentials ?? []) {
      this.know(value);
      this.credentials.set(field, value);
    }
    const { value: _value, credentials: _credentials, ...beside } = minted;
    this.said.push(JSON.stringify(beside));
    return minted;
  }

  /** As the engine does: a new key may take a while until it works. */
  async verify(minted: Pick<Minted, 'value' | 'keyId'>, forMs = CONSISTENT_MS): Promise<void> {
    const endMs = Date.now() + forMs;
    for (;;) {
      try {
        return await this.provider.verify(this.call(), minted);
      } catch (error) {
        if (!(error instanceof ProviderError) || Date.now() >= endMs) throw error;
        await pause();
      }
    }
  }

  /** Whether the value is accepted, at last. */
  async becomes(value: SecretValue, accepted: boolean): Promise<boolean> {
    return this.#eventually(async () => {
      return (await this.standIn.accepts(this.headersWith(value))) === accepted;
    });
  }

  /** Whether the provider's own list shows it, at last. */
  async keysBecome(
    are: (keys: readonly StandInKey[]) => boolean | Promise<boolean>,
  ): Promise<boolean> {
    return this.#eventually(async () => are(await this.standIn.keys()));
  }

  async keysOf(madeBy: StandInKey['madeBy'], state?: StandInKey['state']): Promise<StandInKey[]> {
    const keys = await this.standIn.keys();
    return keys.filter(
      (key) => key.madeBy === madeBy && (state === undefined || key.state === state),
    );
  }

  headersWith(value: SecretValue): Record<string, string> {
    return headersWith(this.standIn, value);
  }

  /** The `ProviderError` of a call that is to fail; what it says is kept for `leaks`. */
  async failureOf(call: Promise<unknown>): Promise<ProviderError> {
    const error = await call.then(
      () => new Error('it did not fail'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ProviderError)) throw error;
    this.hear(error);
    return error;
  }

  /** What an error says, its cause left out: that is never shown. */
  hear(error: Error): void {
    const { cause: _cause, ...own } = error as Error & { cause?: unknown };
    this.said.push(`${error.name}: ${error.message}`, error.stack ?? '', JSON.stringify(own));
  }

  /** A value that must not be said. */
  know(value: SecretValue): void {
    this.#secrets.push(textOf(value), ...Object.values(fieldsOf(value) ?? {}));
  }

  /** Secrets, and words that are not ours, in what was said; ids and names of keys are no secrets. */
  async leaks(): Promise<readonly string[]> {
    const ids = (await this.standIn.keys()).map(({ id }) => id);
    const watch = new CanaryWatch();
    for (const [at, secret] of this.#secrets.entries()) {
      if (!ids.some((id) => id.includes(secret))) watch.watch(`secret ${at}`, secret);
    }
    watch.add('what was said', this.said.join('\n'));
    const foreign = this.said.filter((text) => text.includes(FOREIGN_WORDS));
    return [...watch.findings(), ...foreign];
  }

  async #eventually(holds: () => Promise<boolean>): Promise<boolean> {
    const endMs = Date.now() + CONSISTENT_MS;
    while (!(await holds())) {
      if (Date.now() >= endMs) return false;
      await pause();
    }
    return true;
  }

  /** Whatever is written anywhere meanwhile counts as said. */
  #listen(): void {
    const keep = (...written: readonly unknown[]): true => {
      this.said.push(written.map(String).join(' '));
      return true;
    };
    const spies = [
      vi.spyOn(process.stdout, 'write').mockImplementation(keep),
      vi.spyOn(process.stderr, 'write').mockImplementation(keep),
      ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
        vi.spyOn(console, name).mockImplementation(keep),
      ),
    ];
    onTestFinished(() => {
      for (const spy of spies) spy.mockRestore();
    });
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** What a request carries whose route places the value as the stand-in wants it. */
export function headersWith(standIn: ProviderStandIn, value: SecretValue): Record<string, string> {
  const fields = fieldsOf(value);
  const read = (field: string | undefined): string =>
    field === undefined ? textOf(value) : (fields?.[field] ?? '');
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return Object.fromEntries(
    Object.entries(standIn.headers).map(([name, text]) => {
      const parts = compileTemplate(text).template.parts.map((part) => {
        if (part.type === 'text') return part.text;
        if (part.type === 'secret') return read(part.reference.field);
        if (part.type === 'base64') return base64(read(part.reference.field));
        return `Basic ${base64(`${read(part.user.field)}:${read(part.password.field)}`)}`;
      });
      return [name, parts.join('')];
    }),
  );
}

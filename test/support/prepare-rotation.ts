import {
  DEFAULT_ROTATION_SETTINGS,
  type Rotation,
  type RotationSettings,
  SecretValue,
  type Store,
} from '../../src/core/index.js';
import { TEST_ACTOR as actor } from './open-test-store.js';
import type { ProviderStandIn } from './provider-stand-in.js';

export interface PreparedRotation {
  readonly rotation: Rotation;
  /** The stand-in's headers, which name the secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the secrets of `_providers` are called: those of several stand-ins have a prefix each. */
  readonly providerSecret: (name: string) => string;
}

/** A secret of production with the value that the stand-in begins with, rotated by its provider. */
export async function prepareRotation(
  store: Store,
  standIn: ProviderStandIn,
  secret: string,
  settings: Partial<RotationSettings> & { readonly nextRunAtMs: number },
): Promise<PreparedRotation> {
  const providerSecret = (name: string): string => `${secret}_${name}`;
  for (const [name, text] of Object.entries(standIn.providerSecrets)) {
    const value = SecretValue.fromText(text);
    await store.createSecret({ actor, name: providerSecret(name) });
    const place = { secret: providerSecret(name), environment: '_providers' };
    await store.addVersion({ actor, ...place, value });
  }
  await store.createSecret({ actor, name: secret });
  const { initial, fields } = standIn;
  if (initial !== undefined) {
    const value = SecretValue.fromText(initial);
    await store.addVersion({ actor, secret, environment: 'production', value, fields });
  }
  const config = JSON.parse(JSON.stringify(standIn.config), (_, value: unknown) =>
    typeof value === 'string' && value in standIn.providerSecrets ? providerSecret(value) : value,
  );
  const rotation = await store.enableRotation({
    actor,
    secret,
    environment: 'production',
    ...DEFAULT_ROTATION_SETTINGS,
    provider: standIn.provider,
    intervalDays: 30,
    cron: null,
    gracePeriodMinutes: 0,
    soakMinutes: 0,
    config,
    ...settings,
  });
  const headers = Object.entries(standIn.headers).map(
    ([name, template]) =>
      [name, template.replace(/<<[^>]*>>/g, (one) => one.replace(/\bkey\b/g, secret))] as const,
  );
  return { rotation, headers: Object.fromEntries(headers), providerSecret };
}

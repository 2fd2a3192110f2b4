import { z } from 'zod';
import type {
  CheckFinding,
  CheckReport,
  Clock,
  Outbound,
  ProviderDescription,
  Rotation,
  RotationControl,
  RotationSettings,
  Store,
} from '../core/index.js';
import { bindProvider, type ProviderRegistry } from './bound-provider.js';
import { openCall } from './call-provider.js';
import { nextRunAtMs, withJitter } from './next-run.js';
import { type Provider, ProviderError } from './provider.js';
import { settingsProblems } from './settings-problems.js';

/** A check is waited for by a person. */
const CHECK_TIMEOUT_MS = 20_000;
const RUNS_AHEAD = 5;

export interface RotationControlOptions {
  readonly store: Pick<Store, 'resolveValues'>;
  readonly providers: ProviderRegistry;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly wake: () => void;
  readonly onError: (error: unknown) => void;
}

/** What the admin API asks of rotations beside the store. */
export function createRotationControl(options: RotationControlOptions): RotationControl {
  const { providers, clock } = options;
  const descriptions = [...providers.values()].map(describe);
  return {
    providers: () => descriptions,
    problemsOf: (settings) => settingsProblems(providers, settings),
    nextRunAtMs(schedule, fromMs) {
      const atMs = nextRunAtMs(schedule, fromMs);
      return atMs === null ? null : withJitter(schedule, atMs, options.random());
    },
    async check(rotation): Promise<CheckReport> {
      const findings = await checkProvider(options, rotation);
      return {
        ok: findings.every(({ ok }) => ok),
        findings,
        nextRunsAtMs: nextRunsOf(rotation, clock.now()),
      };
    },
    wake: options.wake,
  };
}

/** Where the config decides it: as it is with the defaults of the config's fields. */
function describe(provider: Provider): ProviderDescription {
  const { id, title, summary } = provider;
  const configSchema = z.toJSONSchema(provider.config, { io: 'input' });
  const defaults = defaultsOf(configSchema);
  return {
    id,
    title,
    summary,
    configSchema,
    assisted: provider.recovery(defaults) === 'assisted',
    byExpiry: provider.byExpiry?.(defaults) !== undefined,
    fields: provider.fields(defaults),
  };
}

function defaultsOf({ properties, anyOf, oneOf }: z.core.JSONSchema.BaseSchema): object {
  const [first] = anyOf ?? oneOf ?? [];
  const fields = properties ?? (typeof first === 'object' ? first.properties : undefined) ?? {};
  const given = Object.entries(fields).flatMap(([name, field]) =>
    typeof field === 'object' && field.default !== undefined ? [[name, field.default]] : [],
  );
  return Object.fromEntries(given);
}

async function checkProvider(
  options: RotationControlOptions,
  rotation: Pick<Rotation, 'secret' | 'environment'> & RotationSettings,
): Promise<readonly CheckFinding[]> {
  try {
    const bound = bindProvider(options.providers, rotation);
    const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    return await bound.provider.check(await openCall(options, bound, rotation, signal));
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return [
      { ok: false, what: 'read the configuration', detail: `${error.message} ${error.whatToDo}` },
    ];
  }
}

function nextRunsOf(schedule: RotationSettings, fromMs: number): number[] {
  const found: number[] = [];
  let next = nextRunAtMs(schedule, fromMs);
  while (next !== null && found.length < RUNS_AHEAD) {
    found.push(next);
    next = nextRunAtMs(schedule, next);
  }
  return found;
}

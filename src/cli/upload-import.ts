import type { ApiClient } from './api-client.js';
import { CommandFailure } from './command-failure.js';
import type { PlannedValue } from './plan-import.js';
import { sendValue } from './send-value.js';

/** What came of one value of an import. */
export interface ImportedValue {
  readonly name: string;
  readonly environment: string;
  readonly from: string;
  /** Undefined where the newest version holds this value already. */
  readonly version: number | undefined;
  readonly state: string;
}

/**
 * Sends the values one after the other; `onValue` is told of each that is there. A value that the newest version
 * holds already adds nothing, so that an import that broke off is simply run again.
 */
export async function uploadImport(
  api: ApiClient,
  plan: readonly PlannedValue[],
  source: string,
  onValue: (value: ImportedValue) => void,
): Promise<void> {
  const made = new Set<string>();
  for (const { name, environment, entry, action } of plan) {
    if (action === 'new secret' && !made.has(name)) {
      await createSecret(api, name);
      made.add(name);
    }
    const about = { name, environment, from: entry.place };
    try {
      const note = `imported from ${source}`;
      const answer = await sendValue(api, { secret: name, environment }, entry.value, {
        note,
        ifChanged: true,
      });
      onValue({ ...about, version: answer.version, state: answer.state });
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.code !== 'value_unchanged') throw error;
      onValue({ ...about, version: undefined, state: 'unchanged' });
    }
  }
}

async function createSecret(api: ApiClient, name: string): Promise<void> {
  try {
    await api.post('/v1/secrets', { name });
  } catch (error) {
    // Somebody made it since the plan, or an import before this one did.
    if (!(error instanceof CommandFailure) || error.code !== 'name_taken') throw error;
  }
}

import { PROVIDERS_ENVIRONMENT } from '../core/index.js';
import { type ProviderCall, ProviderError } from './provider.js';
import { textOf } from './secret-text.js';

/** The credential that a field of the config names. Throws `refused` where it has no value. */
export function credentialOf(
  call: Pick<ProviderCall<unknown>, 'credentials'>,
  field: string,
): string {
  const value = call.credentials.get(field);
  if (value !== undefined) return textOf(value);
  throw new ProviderError('refused', `The secret that "${field}" names has no value.`, {
    whatToDo: `Add a version of it in environment ${PROVIDERS_ENVIRONMENT}.`,
  });
}

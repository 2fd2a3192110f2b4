import type { SecretValue } from '../../core/index.js';

/** The text of a credential, at the moment when it is sent. */
export function readCredential(value: SecretValue): string {
  return new TextDecoder().decode(value.expose());
}

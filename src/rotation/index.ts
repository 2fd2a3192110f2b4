/**
 * rotation: a secret over time: when it is due (pure), the machine that takes a run from an old key to a new one, and
 * the providers that make keys. Imports core, zod, croner, and the clients of the providers.
 */
export * from './provider.js';
export { providerSecret } from './provider-secret.js';
export * from './secret-text.js';

/**
 * rotation: a secret over time: when it is due (pure), the machine that takes a run from an old key to a new one, and
 * the providers that make keys. Imports core, zod, croner, and the clients of the providers.
 */
export type { ProviderRegistry } from './bound-provider.js';
export type { CheckPropagation } from './check-propagation.js';
export { configProblems } from './config-problems.js';
export { decideRun } from './decide-run.js';
export { nextRunAtMs, withJitter } from './next-run.js';
export * from './provider.js';
export { providerSecret } from './provider-secret.js';
export { aws } from './providers/aws.js';
export { createCommandProvider } from './providers/command.js';
export { custom } from './providers/custom.js';
export { mysql } from './providers/mysql.js';
export { oauth2 } from './providers/oauth2.js';
export { postgres } from './providers/postgres.js';
export { stripe } from './providers/stripe.js';
export { createProviders } from './providers.js';
export { createRotationControl, type RotationControlOptions } from './rotation-control.js';
export {
  createRotationEngine,
  type RotationEngine,
  type RotationEngineOptions,
} from './rotation-engine.js';
export { DEFAULT_ROTATION_PACE, type RotationPace } from './rotation-pace.js';
export type * from './run-situation.js';
export * from './secret-text.js';

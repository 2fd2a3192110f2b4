/**
 * cutover: a version's way from staged to current, judged by real traffic: the statistics, the decision (both
 * pure), and the engine that takes decisions. Imports only core/.
 */
export {
  type CutoverEngine,
  type CutoverEngineOptions,
  createCutoverEngine,
} from './cutover-engine.js';
export type { CutoverGround, RouteProbe } from './cutover-ground.js';
export { type CutoverDecision, type CutoverSituation, decideCutover } from './decide-cutover.js';

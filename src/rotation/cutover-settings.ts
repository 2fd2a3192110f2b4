import {
  type CutoverSettings,
  DEFAULT_CUTOVER_SETTINGS,
  type Rotation,
  type RunTrigger,
} from '../core/index.js';
import type { Provider } from './provider.js';

/** How carefully a run's version goes live: the rotation's word, else the provider's, else the default. */
export function cutoverSettings(
  rotation: Pick<Rotation, 'cutover' | 'gracePeriodMinutes'>,
  provider: Pick<Provider, 'cutover'>,
  trigger: RunTrigger,
): CutoverSettings {
  const settings: CutoverSettings = {
    ...DEFAULT_CUTOVER_SETTINGS,
    ...provider.cutover,
    ...rotation.cutover,
    windowMinutes: rotation.gracePeriodMinutes,
  };
  if (trigger !== 'emergency') return settings;
  return {
    ...settings,
    steps: [100],
    stepMinSamples: 1,
    stepMinSeconds: 0,
    routes: null,
    clients: null,
  };
}

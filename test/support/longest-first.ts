import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, most of them because they wait for processes. */
const LONG =
  /\/(?:cli\/(?:scripts|cutover|serve|import)|console\/(?:pages|story|overview|large-console)|server\/(?:outages|refused-starts|cutovers|reloads|first-start|replace-secret|killed|killed-in-rotations|restarts|rotations|shared)|store\/(?:rekey|killed-[\w-]*)|rotation\/(?:killed-in-rotations|rotation-engine)|security\/(?:values-appear-nowhere|a-rolled-back-|altered-rows-|markup-)[\w-]*|telemetry\/traces)\.test\.ts$/;

/**
 * Starts the files that take longest first. Without times of a run before, vitest starts the largest files first: the
 * longest of all, a small one, then ran last, for a minute and with nothing beside it.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId, project }: TestSpecification): number =>
      project.config.sequence.groupOrder * 2 + (LONG.test(moduleId) ? 0 : 1);
    return sorted.sort((one, other) => rank(one) - rank(other));
  }
}

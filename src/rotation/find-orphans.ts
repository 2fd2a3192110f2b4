import type { RunDecision, RunSituation } from './run-situation.js';

/**
 * What a listing says of a key that was made and lost: it is kept in mind, to be deleted. Undefined where there is
 * none. More than one new key cannot be this run's alone: a person is asked, and what was there before the minting is
 * forgotten, so that none of them is ever taken for the run's own.
 */
export function findOrphan(
  { run, facts }: RunSituation,
  keyIds: readonly string[],
): RunDecision | undefined {
  const before = run.keyIdsBefore;
  if (before === null) return undefined;
  const found = keyIds.filter((id) => !before.includes(id) && !facts.knownKeyIds.includes(id));
  if (found.length === 0) return undefined;
  if (found.length > 1) {
    const problem = `There are ${found.length} new keys at the provider (${found.join(', ')}), and this run has made one at most: none was touched. Delete those that nobody uses, then resume the rotation.`;
    return {
      type: 'commit',
      to: 'NEEDS_ATTENTION',
      changes: { problem, keyIdsBefore: null },
      note: problem,
    };
  }
  return {
    type: 'commit',
    to: run.state,
    changes: { orphanKeyIds: found },
    note: `Key ${found[0]} was made, and its value was lost: it is deleted.`,
  };
}

/** The first of the orphans is gone. */
export function forgetOrphan({ run }: RunSituation): RunDecision {
  const [gone, ...orphanKeyIds] = run.orphanKeyIds;
  return {
    type: 'commit',
    to: run.state,
    changes: { orphanKeyIds },
    note: `Key ${gone} is deleted.`,
  };
}

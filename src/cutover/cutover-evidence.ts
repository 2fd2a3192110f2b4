import { type CutoverEvidence, PROBE_CLIENT } from '../core/index.js';
import { clientsIn, type Figures, sumOf } from './figures.js';
import type { PairsVerdict } from './judge-pairs.js';

/** The figures of a verdict, for the record. */
export function evidenceOf(
  step: number,
  figures: Figures,
  sinceMs: number | null,
  verdict: PairsVerdict,
): CutoverEvidence {
  const { route, probability, probabilityWithoutClient } = verdict;
  const own = route === null ? figures : figures.filter((one) => one.route === route);
  const ofNew = own.filter(({ side }) => side === 'new');
  const probes = ofNew.filter(({ clientId }) => clientId === PROBE_CLIENT);
  return {
    step,
    sinceMs,
    route,
    ...sumOf(own),
    probes: sumOf(probes).new.accepted,
    clients: clientsIn(ofNew).size,
    probability,
    probabilityWithoutClient,
  };
}

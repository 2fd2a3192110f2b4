import {
  type CutoverCounts,
  type CutoverObservation,
  NO_COUNTS,
  PROBE_CLIENT,
} from '../core/index.js';

/** What was observed at one step, of all routes and clients. */
export interface StepFigures {
  readonly step: number;
  readonly old: CutoverCounts;
  readonly new: CutoverCounts;
  /** Probes among those accepted with the new version. */
  readonly probes: number;
  /** Clients whose requests took the new version. */
  readonly clients: number;
}

/** The steps that saw a request, in order. */
export function stepFigures(observations: readonly CutoverObservation[]): StepFigures[] {
  const steps = [...new Set(observations.map(({ step }) => step))].sort((a, b) => a - b);
  return steps.map((step) => {
    const rows = observations.filter((row) => row.step === step);
    const taken = rows.filter(({ side }) => side === 'new');
    const isProbe = ({ clientId }: CutoverObservation): boolean => clientId === PROBE_CLIENT;
    return {
      step,
      old: sum(rows.filter(({ side }) => side === 'old')),
      new: sum(taken),
      probes: sum(taken.filter(isProbe)).accepted,
      clients: new Set(taken.filter((row) => !isProbe(row)).map(({ clientId }) => clientId)).size,
    };
  });
}

function sum(rows: readonly CutoverCounts[]): CutoverCounts {
  return rows.reduce(
    (total, row) => ({
      accepted: total.accepted + row.accepted,
      refused: total.refused + row.refused,
      failed: total.failed + row.failed,
      pairedRefusals: total.pairedRefusals + row.pairedRefusals,
      sharedRefusals: total.sharedRefusals + row.sharedRefusals,
    }),
    NO_COUNTS,
  );
}

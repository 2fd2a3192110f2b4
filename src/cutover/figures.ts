import {
  type CutoverCounts,
  type CutoverObservation,
  type CutoverSide,
  NO_COUNTS,
  PROBE_CLIENT,
} from '../core/index.js';

/** Observations of one step, or of a part of it. */
export type Figures = readonly CutoverObservation[];

/** Both versions' counts. */
export type SideCounts = Readonly<Record<CutoverSide, CutoverCounts>>;

function addCounts(a: CutoverCounts, b: CutoverCounts): CutoverCounts {
  return combine(a, b, (x, y) => x + y);
}

export function combine(
  a: CutoverCounts,
  b: CutoverCounts,
  by: (x: number, y: number) => number,
): CutoverCounts {
  return {
    accepted: by(a.accepted, b.accepted),
    refused: by(a.refused, b.refused),
    failed: by(a.failed, b.failed),
    pairedRefusals: by(a.pairedRefusals, b.pairedRefusals),
    sharedRefusals: by(a.sharedRefusals, b.sharedRefusals),
  };
}

export function sumOf(figures: Figures): SideCounts {
  const sums = { old: NO_COUNTS, new: NO_COUNTS };
  for (const one of figures) sums[one.side] = addCounts(sums[one.side], one);
  return sums;
}

export function attemptsOf({ accepted, refused, failed }: CutoverCounts): number {
  return accepted + refused + failed;
}

/** Refusals that could not be tried again. */
export function unpairedOf({ refused, pairedRefusals, sharedRefusals }: CutoverCounts): number {
  return Math.max(0, refused - pairedRefusals - sharedRefusals);
}

export function byRoute(figures: Figures): ReadonlyMap<string, Figures> {
  const routes = new Map<string, CutoverObservation[]>();
  for (const one of figures) {
    const own = routes.get(one.route);
    if (own === undefined) routes.set(one.route, [one]);
    else own.push(one);
  }
  return routes;
}

/** Clients that sent requests: probes are Keyferry's own. */
export function clientsIn(figures: Figures): ReadonlySet<string> {
  const clients = new Set<string>();
  for (const one of figures) {
    if (one.clientId !== PROBE_CLIENT && attemptsOf(one) > 0) clients.add(one.clientId);
  }
  return clients;
}

/** The client for which `count` is largest; undefined where it is 0 for all. A probe is no client. */
export function clientWithMost(
  figures: Figures,
  count: (one: CutoverObservation) => number,
): string | undefined {
  const counts = new Map<string, number>();
  let most: string | undefined;
  for (const one of figures) {
    const { clientId } = one;
    if (clientId === PROBE_CLIENT) continue;
    const sum = (counts.get(clientId) ?? 0) + count(one);
    counts.set(clientId, sum);
    if (sum > (most === undefined ? 0 : (counts.get(most) ?? 0))) most = clientId;
  }
  return most;
}

export function without(figures: Figures, clientId: string | undefined): Figures {
  return clientId === undefined ? figures : figures.filter((one) => one.clientId !== clientId);
}

/** Leaves out the client for which `count` is largest, where others remain: one client decides nothing. */
export function withoutLoudest(
  figures: Figures,
  count: (one: CutoverObservation) => number,
): Figures {
  const rest = without(figures, clientWithMost(figures, count));
  return clientsIn(rest).size > 0 ? rest : figures;
}

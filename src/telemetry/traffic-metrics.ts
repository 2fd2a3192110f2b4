import { Counter, Gauge, type Registry } from 'prom-client';
import { CIRCUIT_STATES, type TrafficFigures } from '../core/index.js';

/** Registers what the request path holds back; it is read when metrics are scraped. */
export function registerTraffic(registry: Registry, read: () => TrafficFigures | undefined): void {
  const registers = [registry];
  new Gauge({
    name: 'keyferry_connections',
    help: 'Open connections of clients.',
    registers,
    collect() {
      this.set(read()?.connections ?? 0);
    },
  });
  new Counter({
    name: 'keyferry_connections_refused_total',
    help: 'Connections closed as they came, by the limit that they were over: total or address.',
    labelNames: ['limit'],
    registers,
    collect() {
      this.reset();
      const refused = read()?.refusedConnections ?? { total: 0, address: 0 };
      for (const [limit, count] of Object.entries(refused)) this.inc({ limit }, count);
    },
  });
  new Counter({
    name: 'keyferry_requests_limited_total',
    help: 'Requests answered rate_limited, by whose limit (route, client) and which (rate, concurrency).',
    labelNames: ['scope', 'limit'],
    registers,
    collect() {
      this.reset();
      for (const [scope, counts] of Object.entries(read()?.limited ?? {})) {
        for (const [limit, count] of Object.entries(counts)) this.inc({ scope, limit }, count);
      }
    },
  });
  new Counter({
    name: 'keyferry_stalled_readers_total',
    help: 'Clients cut off because they did not read their response.',
    registers,
    collect() {
      this.reset();
      this.inc(read()?.stalledReaders ?? 0);
    },
  });
  new Gauge({
    name: 'keyferry_shedding',
    help: '1 while requests are turned away because the event loop is late again and again.',
    registers,
    collect() {
      this.set(Number(read()?.shedding ?? false));
    },
  });
  new Gauge({
    name: 'keyferry_circuit_state',
    help: 'Upstreams that fail: 0 closed after failures, 1 half open (one probe is sent), 2 open (none is sent). One that answers is not listed.',
    labelNames: ['upstream', 'environment'],
    registers,
    collect() {
      this.reset();
      for (const { upstream, environment, state } of byState(read()?.circuits ?? [])) {
        this.set({ upstream, environment }, CIRCUIT_STATES.indexOf(state));
      }
    },
  });
  new Counter({
    name: 'keyferry_circuits_opened_total',
    help: 'How often the circuit of an upstream opened after failures.',
    registers,
    collect() {
      this.reset();
      this.inc(read()?.circuitsOpened ?? 0);
    },
  });
}

/** One host may have several circuits, by connection options: the worst is set last. */
function byState(circuits: TrafficFigures['circuits']): TrafficFigures['circuits'] {
  const rank = (state: (typeof CIRCUIT_STATES)[number]): number => CIRCUIT_STATES.indexOf(state);
  return [...circuits].sort((one, other) => rank(one.state) - rank(other.state));
}

import { Counter, type Registry } from 'prom-client';
import type { EchoFinding } from '../core/index.js';

/** Counts what searches of responses found. Rare: prom-client's own counters will do. */
export function countEchoes(registry: Registry): (finding: EchoFinding) => void {
  const hits = new Counter({
    name: 'keyferry_echo_hits_total',
    help: 'Responses that held a placed value, by route, environment and secret.',
    labelNames: ['route', 'environment', 'secret'],
    registers: [registry],
  });
  const unreadable = new Counter({
    name: 'keyferry_echo_unreadable_total',
    help: 'Responses in an encoding that is not searched for placed values, by route and environment.',
    labelNames: ['route', 'environment'],
    registers: [registry],
  });
  return ({ kind, route, environment, secrets }) => {
    if (kind === 'hit') for (const secret of secrets) hits.inc({ route, environment, secret });
    else if (kind === 'unreadable') unreadable.inc({ route, environment });
  };
}

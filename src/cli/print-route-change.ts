import type { RouteChange } from './compare-routes.js';
import type { Terminal } from './terminal.js';

/** Prints a difference between two routes documents: what was in red, what is in green. */
export function printRouteChange(terminal: Terminal, change: RouteChange): void {
  const { paint } = terminal;
  const { route, kind, setting, before, after } = change;
  if (kind === 'added') terminal.print(`+ ${route}`, paint.green);
  else if (kind === 'removed') terminal.print(`- ${route}`, paint.red);
  else terminal.print(`~ ${route} ${setting ?? ''}`);
  if (before !== undefined) terminal.print(`    - ${before}`, paint.red);
  if (after !== undefined) terminal.print(`    + ${after}`, paint.green);
}

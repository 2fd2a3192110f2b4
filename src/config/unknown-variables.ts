import { nearestName, type Problem } from '../core/index.js';
import { SETTINGS, type SettingRow } from './setting-table.js';

/** Variables that Kubernetes and container links set for a service named `keyferry`; not meant for us. */
const SERVICE_LINK =
  /^KEYFERRY_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const SERVICE_LINK_ADDRESS = /^(?:tcp|udp|sctp):\/\//;

const ROWS: readonly SettingRow[] = SETTINGS;
const KNOWN = new Set(
  ROWS.flatMap(({ variable, fileVariable }) =>
    fileVariable === undefined ? [variable] : [variable, fileVariable],
  ),
);

/**
 * Every variable `KEYFERRY_…` that nothing reads, with the nearest known one: a misspelt one would be
 * ignored in silence. Reads no files and shows no values.
 */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [variable, given] of Object.entries(environment)) {
    if (!variable.startsWith('KEYFERRY_') || given === undefined || KNOWN.has(variable)) continue;
    const linked =
      SERVICE_LINK.test(variable) ||
      (variable.endsWith('_PORT') && SERVICE_LINK_ADDRESS.test(given));
    if (linked) continue;
    const nearest = nearestName(variable, KNOWN);
    problems.push({
      path: variable,
      message: 'not a variable of Keyferry',
      ...(nearest === undefined ? {} : { nearest }),
    });
  }
  return problems;
}

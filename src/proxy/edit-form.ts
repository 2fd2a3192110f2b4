import type { PlacedBody } from '../core/index.js';

/**
 * A form (`application/x-www-form-urlencoded`) in which every spelling of each placed field is deleted, then
 * the rendered ones are appended. What else the client sent stays as it was, byte for byte.
 */
export function editForm(body: Buffer, form: string, names: PlacedBody['formNames']): Buffer {
  const placed = new Set([...names].map((name) => name.toLowerCase()));
  const kept: string[] = [];
  for (const pair of body.toString('latin1').split('&')) {
    // Some upstreams still take ";" for a separator, as HTML 4 asked for.
    const rest = pair.includes(';')
      ? pair
          .split(';')
          .filter((part) => !isPlaced(part, placed))
          .join(';')
      : pair;
    if (rest !== '' && !isPlaced(rest, placed)) kept.push(rest);
  }
  kept.push(form);
  return Buffer.from(kept.join('&'), 'latin1');
}

function isPlaced(pair: string, placed: ReadonlySet<string>): boolean {
  const equals = pair.indexOf('=');
  const name = decodeName(equals === -1 ? pair : pair.slice(0, equals))
    .trim()
    .toLowerCase();
  if (placed.has(name)) return true;
  // PHP and Rails read `key[]` and `key[0]` as `key`.
  const bracket = name.indexOf('[');
  return bracket > 0 && placed.has(name.slice(0, bracket));
}

/** From one character per byte; bytes that are not UTF-8 match no name. */
function decodeName(text: string): string {
  // A body may hold a hundred thousand names.
  if (/^[\w.-]*$/.test(text)) return text;
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_all, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

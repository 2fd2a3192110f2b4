import type { Plan, SeenResponse } from '../core/index.js';
import { readBodyForm } from './body-form.js';
import type { KeptResponse } from './probe-message.js';

/**
 * Says how long the body was before a value in it was masked: and with it, where the rest is known, how long the value
 * is.
 */
const LENGTH = 'content-length';
/** Of text. Others could be what is left of an encoding that is not searched: UTF-16 is text with zeros between. */
const CONTROL = /[^\P{Cc}\t\n\r]/u;

/** What of a searched response may be shown. What could hold a value that the search does not see is withheld. */
export function showResponse(plan: Plan, { head, body, isWhole }: KeptResponse): SeenResponse {
  const isCut = !isWhole;
  if ((plan.scrub?.tooShort.length ?? 0) > 0) {
    return { headers: [], body: null, withheld: 'short_value', isCut };
  }
  const headers: [string, string][] = [];
  for (let i = 0; i < head.length; i += 2) {
    const name = head[i] ?? '';
    if (name.toLowerCase() !== LENGTH) headers.push([name, head[i + 1] ?? '']);
  }
  const form = readBodyForm(head.map((text) => Buffer.from(text, 'latin1')));
  if (body.length === 0) return { headers, body: '', withheld: undefined, isCut };
  if (form.coding !== 'identity') return { headers, body: null, withheld: 'encoded', isCut };
  const text = form.isBinary ? undefined : readText(body, isCut);
  return text === undefined
    ? { headers, body: null, withheld: 'not_text', isCut }
    : { headers, body: text, withheld: undefined, isCut };
}

/** UTF-8 alone. Where a body is cut, its last character may be half of one. */
function readText(body: Buffer, isCut: boolean): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body, { stream: isCut });
    return CONTROL.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

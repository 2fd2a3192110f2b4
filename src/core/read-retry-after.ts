/** What a `Retry-After` asks to wait, in milliseconds (RFC 9110 section 10.2.3: seconds or a date), at most `mostMs`. */
export function readRetryAfter(
  text: string | undefined,
  nowMs: number,
  mostMs: number,
): number | undefined {
  if (text === undefined) return undefined;
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), mostMs);
}

import type { Readable } from 'node:stream';

/** A request as it is about to be sent. */
export interface OutgoingRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  path: string;
  /** Without "?"; empty for none. */
  query: string;
  /** Name, value, name, value. */
  readonly headers: string[];
  /** A buffer once it was gathered; a stream of another kind where what the client sends is rewritten. */
  body: Readable | Buffer | null;
}

/** The values of a header, in order; `name` in lower case. */
export function headerValues(headers: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() === name) values.push(headers[i + 1] as string);
  }
  return values;
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** Test data of others that lies beside the repository where it is worked on: not part of it. */
export const DESYNC_FOLDER = fileURLToPath(
  new URL('../../../shared/corpora/desync/', import.meta.url),
);

export interface DesyncCase {
  readonly name: string;
  readonly method: string;
  /** One character per byte. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Method, target and version as they are sent. */
  readonly requestLine: string;
  readonly tier: 'Compliant' | 'Acceptable' | 'Ambiguous' | 'Severe';
  /** Why, in the corpus's own word. */
  readonly reason: string;
}

interface Entry {
  readonly name: string;
  readonly uri: string;
  readonly method: string;
  readonly version: string;
  readonly headers?: null | readonly { readonly name: string; readonly value: unknown }[];
  readonly expected: { readonly tier: DesyncCase['tier']; readonly reason: string };
}

/** Every case of the corpus; undefined where it is absent. */
export function readDesyncCorpus(folder = DESYNC_FOLDER): readonly DesyncCase[] | undefined {
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  return files.flatMap((file) => {
    const entries: readonly Entry[] = parse(readFileSync(`${folder}${file}`, 'utf8'));
    return entries.map(({ name, uri, method, version, headers, expected }) => ({
      name: `${file}: ${JSON.stringify(name)}`,
      method,
      headers: (headers ?? []).map(
        (one) => [bytes(one.name), bytes(String(one.value ?? ''))] as const,
      ),
      requestLine: bytes(`${method} ${uri} ${version}`.trimEnd()),
      ...expected,
    }));
  });
}

function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

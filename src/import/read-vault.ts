import { AppError, type ImportedEntry, type ImportedSource, type Problem } from '../core/index.js';
import { askJson, type JsonAnswer, member } from './ask-json.js';
import { givenValue } from './given-value.js';

export interface VaultOptions {
  /** `https://vault.example:8200` */
  readonly address: URL;
  /** Where the KV engine of version 2 is mounted: `secret`. */
  readonly mount: string;
  /** One secret, or a folder of them; empty for the whole mount. */
  readonly path: string;
  readonly token: string;
  readonly namespace: string | undefined;
  readonly ca: string | undefined;
}

/** Far more than a team has; a server that names itself for ever ends here. */
const MOST_SECRETS = 10_000;
const DEEPEST = 32;

/**
 * Reads the newest version of each secret at a path and below it (Vault's HTTP API, KV version 2). A secret of several
 * keys has fields. What the token may not read is a problem, not the end. Throws `upstream_…`.
 */
export async function readVault(options: VaultOptions): Promise<ImportedSource> {
  const reader = new VaultReader(options);
  const path = options.path.replace(/^\/+|\/+$/g, '');
  // What is both a secret and a folder is taken as both.
  if (path !== '') await reader.readSecret(path, true);
  await reader.readFolder(path, 0);
  return reader;
}

class VaultReader implements ImportedSource {
  readonly entries: ImportedEntry[] = [];
  readonly problems: Problem[] = [];
  readonly notices: Problem[] = [];
  readonly #options: VaultOptions;

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  async readFolder(folder: string, depth: number): Promise<void> {
    const { status, body } = await this.#ask('metadata', folder, '?list=true');
    if (status === 404) {
      if (depth === 0 && this.entries.length === 0 && this.problems.length === 0) {
        this.problems.push({ path: folder || '/', message: 'holds no secret' });
      }
      return;
    }
    const keys = member(member(body, 'data'), 'keys');
    if (status !== 200 || !Array.isArray(keys)) {
      // The path of one secret may well not be listed.
      if (depth > 0 || this.entries.length === 0) this.#refused(folder || '/', status, 'listed');
      return;
    }
    for (const key of keys) {
      if (typeof key !== 'string' || !/^[^/]+\/?$/.test(key) || /^\.\.?\/?$/.test(key)) continue;
      const path = folder === '' ? key : `${folder}/${key}`;
      if (!key.endsWith('/')) await this.readSecret(path, false);
      else if (depth < DEEPEST) await this.readFolder(path.slice(0, -1), depth + 1);
      else this.problems.push({ path, message: `is more than ${DEEPEST} folders deep` });
    }
  }

  async readSecret(path: string, mayLack: boolean): Promise<void> {
    if (this.entries.length + this.problems.length >= MOST_SECRETS) {
      throw new AppError('response_too_large', `Vault names more than ${MOST_SECRETS} secrets.`);
    }
    const { status, body } = await this.#ask('data', path, '');
    const data = member(body, 'data');
    if (status === 404) {
      // Deleted or destroyed versions are answered so, with their metadata.
      if (member(data, 'metadata') !== undefined) {
        this.notices.push({ path, message: 'its newest version was deleted: it is left out' });
      } else if (!mayLack) this.notices.push({ path, message: 'is not there any more' });
      return;
    }
    if (status !== 200) {
      if (!mayLack || status !== 403) this.#refused(path, status, 'read');
      return;
    }
    const value = givenValue(member(data, 'data'));
    if (value === undefined) {
      const message = 'holds something besides texts that are not empty';
      this.problems.push({ path, message });
    } else this.entries.push({ place: path, name: path, environment: undefined, value });
  }

  #refused(path: string, status: number, what: string): void {
    const why = status === 403 ? 'the token may not' : `status ${status}`;
    this.problems.push({ path, message: `could not be ${what} (${why})` });
  }

  async #ask(kind: 'data' | 'metadata', path: string, query: string): Promise<JsonAnswer> {
    const { address, mount, token, namespace, ca } = this.#options;
    const base = address.pathname.replace(/\/$/, '');
    const segments = [...mount.split('/'), kind, ...path.split('/')].filter((it) => it !== '');
    const url = new URL(
      `${base}/v1/${segments.map(encodeURIComponent).join('/')}${query}`,
      address,
    );
    const headers = {
      'x-vault-token': token,
      'x-vault-request': 'true',
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    };
    const answer = await askJson({ url, method: 'GET', headers, ca });
    if (answer.status < 300 || answer.status === 403 || answer.status === 404) return answer;
    const detail =
      answer.status < 400
        ? 'answers with a redirect, which is not followed: name the active node'
        : answer.status === 503
          ? 'is sealed or stands by'
          : `answers with status ${answer.status}`;
    throw new AppError('upstream_unreachable', `Vault at ${address.origin} ${detail}.`);
  }
}

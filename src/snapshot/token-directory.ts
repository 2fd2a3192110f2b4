import { BlockList, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { ClientCredential, ClientDirectory, DirectoryClient, Tokens } from '../core/index.js';

/** Verified credentials remembered: a keyed hash per request would cost several per cent of it. */
const MAX_REMEMBERED = 10_000;
/** Longer ones are verified each time, so that a client cannot fill memory. */
const MAX_REMEMBERED_LENGTH = 256;

interface VerifiableClient extends DirectoryClient {
  readonly tokenHash: Uint8Array;
}

/**
 * The clients that may send requests, by the public id of their token. One object for the life of the
 * process: a request reads it once, when it authenticates, so a revocation holds from the next request on.
 */
export class TokenDirectory implements ClientDirectory {
  readonly #tokens: Pick<Tokens, 'idOf' | 'matches'>;
  readonly #byTokenId = new Map<string, VerifiableClient>();
  readonly #tokenIds = new Map<string, string>();
  readonly #verified = new LRUCache<string, DirectoryClient>({ max: MAX_REMEMBERED });

  constructor(tokens: Pick<Tokens, 'idOf' | 'matches'>) {
    this.#tokens = tokens;
  }

  get size(): number {
    return this.#byTokenId.size;
  }

  remembered(credential: string): DirectoryClient | undefined {
    return this.#verified.get(credential);
  }

  verify(token: string, credential: string): DirectoryClient | undefined {
    const id = this.#tokens.idOf(token);
    const client = id === undefined ? undefined : this.#byTokenId.get(id);
    if (client === undefined || !this.#tokens.matches(token, client.tokenHash)) return undefined;
    if (credential.length <= MAX_REMEMBERED_LENGTH) this.#verified.set(credential, client);
    return client;
  }

  holds(clientId: string): boolean {
    return this.#tokenIds.has(clientId);
  }

  /** Ids of the clients with these names. */
  idsOf(names: readonly string[]): ReadonlySet<string> {
    const wanted = new Set(names);
    const named = [...this.#byTokenId.values()].filter(({ name }) => wanted.has(name));
    return new Set(named.map(({ id }) => id));
  }

  /** Forgets what is not listed: a client that was revoked unseen does not stay. */
  replaceAll(credentials: readonly ClientCredential[]): void {
    const listed = new Set(credentials.map(({ id }) => id));
    for (const id of [...this.#tokenIds.keys()]) if (!listed.has(id)) this.replace(id, undefined);
    for (const credential of credentials) this.replace(credential.id, credential);
  }

  /** Replaces what is known about one client; undefined when it is gone or revoked. */
  replace(clientId: string, credential: ClientCredential | undefined): void {
    this.#verified.clear();
    const known = this.#tokenIds.get(clientId);
    if (known !== undefined) this.#byTokenId.delete(known);
    this.#tokenIds.delete(clientId);
    if (credential === undefined) return;
    this.#byTokenId.set(credential.tokenId, directoryClient(credential));
    this.#tokenIds.set(clientId, credential.tokenId);
  }
}

function directoryClient(credential: ClientCredential): VerifiableClient {
  const networks = networksOf(credential.cidrs);
  return {
    id: credential.id,
    name: credential.name,
    environment: credential.environment,
    expiresAtMs: credential.expiresAtMs ?? Number.POSITIVE_INFINITY,
    tokenHash: credential.tokenHash,
    routes: credential.routes === null ? undefined : new Set(credential.routes),
    limits: credential.limits ?? undefined,
    allowsAddress:
      networks &&
      ((address) =>
        address !== undefined && networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')),
  };
}

function networksOf(cidrs: readonly string[] | null): BlockList | undefined {
  if (cidrs === null) return undefined;
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    networks.addSubnet(
      address,
      bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits),
      family,
    );
  }
  return networks;
}

import type { TrafficLimits } from './traffic.js';

/** Prefix of a client token (`kfc_…`): what an app sends. */
export const CLIENT_TOKEN_PREFIX = 'kfc_';
/** Prefix of an admin token (`kfa_…`): what an operator sends. */
export const ADMIN_TOKEN_PREFIX = 'kfa_';
/** Prefix of a feed token (`kff_…`): in the address of a calendar, and good for nothing else. */
export const FEED_TOKEN_PREFIX = 'kff_';
/** Prefix of what a browser that is signed in at the console sends (`kfs_…`). */
export const SESSION_TOKEN_PREFIX = 'kfs_';

/** An app that may send requests: exactly one environment, optionally some routes and networks. */
export interface Client {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  /** Names of the routes it may use; null = all. */
  readonly routes: readonly string[] | null;
  /** Networks it may come from (`10.0.0.0/8`); null = any. */
  readonly cidrs: readonly string[] | null;
  /** Of its requests on all routes together; null = those that every client has. */
  readonly limits: TrafficLimits | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}

/** A client with what is needed to check its token. */
export interface ClientCredential extends Client {
  readonly tokenId: string;
  readonly tokenHash: Uint8Array;
}

export const ROLES = ['viewer', 'operator', 'admin'] as const;
/** `viewer` reads; `operator` also changes secrets, versions, routes and clients; `admin` also admins and the system. */
export type Role = (typeof ROLES)[number];

/** Whether `role` may do what needs the role `needed`. */
export function coversRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export interface Admin {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Environments it is limited to; null = all. */
  readonly environments: readonly string[] | null;
  /** Prefix of the secrets it is limited to; null = all. */
  readonly secretPrefix: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

export interface AdminCredential extends Admin {
  readonly tokenHash: Uint8Array;
}

/** Who did something, as the audit log keeps it. */
export interface Actor {
  readonly type: 'admin' | 'file' | 'system';
  readonly id: string;
  readonly name: string;
}

/** The server itself. */
export const SYSTEM_ACTOR: Actor = { type: 'system', id: 'system', name: 'system' };

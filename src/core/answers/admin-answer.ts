import type { Role } from '../client.js';

/** An admin as the admin API shows it. */
export interface AdminAnswer {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Null = all. */
  readonly environments: readonly string[] | null;
  readonly secretPrefix: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

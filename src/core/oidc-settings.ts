import type { Admin } from './client.js';
import type { SecretValue } from './secret-value.js';

/** What a value of the role claim gives to those who have it. */
export interface GrantedRole extends Pick<Admin, 'role' | 'environments' | 'secretPrefix'> {
  readonly value: string;
}

/** How people sign in to the console with OpenID Connect. */
export interface OidcSettings {
  /** As the provider writes it in its discovery document. `https:`, or `http:` on loopback. */
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined = a public client: PKCE alone. */
  readonly clientSecret: SecretValue | undefined;
  /** Name of a PEM file; undefined = Node's own authorities. */
  readonly caFile: string | undefined;
  /** Separated by spaces; `openid` is among them. */
  readonly scopes: string;
  /** A claim, or the way to one with dots between the names. */
  readonly roleClaim: string;
  /** The first that fits decides. */
  readonly roles: readonly GrantedRole[];
  /** Origin of the console, as browsers see it. */
  readonly consoleOrigin: string;
}

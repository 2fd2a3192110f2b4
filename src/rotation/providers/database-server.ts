import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

const HOST = /^(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;

/** Where a database server is; the same fields for each kind of server. */
export const databaseServerFields = {
  host: z
    .string()
    .refine((host) => HOST.test(host) || isIP(host) !== 0, 'a host name or an address is expected')
    .meta({ description: 'Name or address of the server itself, not of a pooler in front of it' }),
  tls: z.boolean().default(true).meta({
    description: 'Off only for a server on loopback. The certificate must fit `host`',
  }),
  ca: z
    .string()
    .regex(/-----BEGIN CERTIFICATE-----/, 'certificates in PEM are expected')
    .optional()
    .meta({
      description: "PEM: the authority of the server's certificate, instead of the system's",
      'x-keyferry': 'pem',
    }),
};

/** Where a session goes. */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: boolean;
  readonly ca?: string | undefined;
}

/** Whose session it is. */
export interface DatabaseLogin {
  readonly user: string;
  readonly password: string;
}

/** Names of a login without what would need quoting in a connection string. */
export function loginName(description: string) {
  return z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_.$-]{0,62}$/,
      'a letter or "_", then up to 62 letters, digits, "_", ".", "$" or "-" are expected',
    )
    .meta({ description });
}

interface PairConfig {
  readonly host: string;
  readonly tls: boolean;
  readonly logins: readonly [string, string];
  readonly admin: string;
}

/** What is wrong with a config of two logins and an admin, by its field. */
export function problemsOfPair({
  host,
  tls,
  logins,
  admin,
}: PairConfig): readonly [field: string, message: string][] {
  const problems: [string, string][] = [];
  if (!tls && !isLoopback(host)) problems.push(['tls', 'can be off only for a server on loopback']);
  if (logins[0] === logins[1]) problems.push(['logins', 'must be two different ones']);
  if (logins.includes(admin))
    problems.push(['admin', 'must not be one of the two that it changes']);
  return problems;
}

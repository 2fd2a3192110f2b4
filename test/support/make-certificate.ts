import { generate } from 'selfsigned';

const DAY_MS = 86_400_000;

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** A certificate authority of its own, for one test. */
export async function makeAuthority(commonName = 'Keyferry test authority'): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** A certificate for these names and addresses, signed by the authority. */
export async function makeCertificate(
  authority: Certificate,
  names: { readonly dns?: readonly string[]; readonly ips?: readonly string[] },
  validity: { readonly notBeforeDate?: Date; readonly notAfterDate?: Date } = {},
): Promise<Certificate> {
  const { dns = [], ips = [] } = names;
  const made = await generate([{ name: 'commonName', value: dns[0] ?? ips[0] ?? 'client' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { cert: authority.cert, key: authority.key },
    notBeforeDate: validity.notBeforeDate ?? new Date(Date.now() - DAY_MS),
    notAfterDate: validity.notAfterDate ?? new Date(Date.now() + DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...dns.map((value) => ({ type: 2 as const, value })),
          ...ips.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}

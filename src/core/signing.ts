/** How requests of a route are signed: exactly one of the two. */
export interface SignOptions {
  readonly hmac?: HmacOptions | undefined;
  readonly aws?: AwsOptions | undefined;
}

export const HMAC_ALGORITHMS = ['sha256', 'sha512', 'sha1'] as const;
export type HmacAlgorithm = (typeof HMAC_ALGORITHMS)[number];

export const DIGEST_ENCODINGS = ['hex', 'base64', 'base64url'] as const;
export type DigestEncoding = (typeof DIGEST_ENCODINGS)[number];

/** How the key's bytes are written in the secret. */
export const KEY_ENCODINGS = ['text', 'hex', 'base64'] as const;
export type KeyEncoding = (typeof KEY_ENCODINGS)[number];

/** `seconds` and `milliseconds` since 1970; `iso8601` as `2026-11-21T09:30:00Z`; `http` as RFC 9110 section 5.6.7. */
export const TIMESTAMP_FORMATS = ['seconds', 'milliseconds', 'iso8601', 'http'] as const;
export type TimestampFormat = (typeof TIMESTAMP_FORMATS)[number];

/** A keyed hash over a text made of the request, sent in a header. */
export interface HmacOptions {
  /** A template; usually `<<secret:NAME>>`. */
  readonly key: string;
  readonly keyEncoding?: KeyEncoding | undefined;
  readonly algorithm?: HmacAlgorithm | undefined;
  /** The text to sign, see `compileCanonical`. */
  readonly canonical: string;
  readonly encoding?: DigestEncoding | undefined;
  /** Carries the signature. */
  readonly header: string;
  /** In front of the signature: a template that may also name `<<timestamp>>` and `<<nonce>>`. */
  readonly prefix?: string | undefined;
  /** What `<<bodyHash>>` is: by default the same algorithm, in hexadecimal. */
  readonly bodyHash?:
    | {
        readonly algorithm?: HmacAlgorithm | undefined;
        readonly encoding?: DigestEncoding | undefined;
      }
    | undefined;
  /** What `<<timestamp>>` is, and the header that carries it too. */
  readonly timestamp?:
    | { readonly header?: string | undefined; readonly format?: TimestampFormat | undefined }
    | undefined;
  /** The header that carries `<<nonce>>`: 128 random bits in hexadecimal. */
  readonly nonce?: { readonly header: string } | undefined;
  readonly maxBodyBytes?: number | undefined;
}

/** AWS Signature Version 4. */
export interface AwsOptions {
  /** `<<secret:NAME>>` of a secret with the fields of `AWS_FIELDS`. */
  readonly credentials: string;
  readonly service: string;
  readonly region: string;
  readonly maxBodyBytes?: number | undefined;
}

/** `sessionToken` may be absent. */
export const AWS_FIELDS = ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const;

/** Headers that a signature of AWS is made of: the client's own are replaced. */
export const AWS_HEADERS = [
  'Authorization',
  'X-Amz-Date',
  'X-Amz-Content-Sha256',
  'X-Amz-Security-Token',
] as const;

/** Query parameters of a presigned URL: the client's own are removed. */
export const AWS_QUERY = [
  'X-Amz-Algorithm',
  'X-Amz-Content-Sha256',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
  'X-Amz-Security-Token',
] as const;

/** The headers that a signature places, by name. */
export function signingHeaders(sign: SignOptions | undefined): string[] {
  if (sign?.aws !== undefined) return [...AWS_HEADERS];
  if (sign?.hmac === undefined) return [];
  const { header, timestamp, nonce } = sign.hmac;
  return [header, timestamp?.header, nonce?.header].filter((name) => name !== undefined);
}

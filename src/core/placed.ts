import type { CanonicalName } from './canonical.js';
import type { DigestEncoding, HmacAlgorithm, TimestampFormat } from './signing.js';

/** How a client writes a placed path with its token in it. */
export interface PathInPlace {
  /** Characters of the request's path to leave out first. */
  readonly stripLength: number;
  /** Matches at the start of the rest; its first group is the token. */
  readonly pattern: RegExp;
}

/** A rendered path, percent-encoded: it begins with "/" and does not end with one. */
export interface PlacedPath {
  readonly text: string;
  /** What the client may have written in its place. */
  readonly inPlace: RegExp;
}

/**
 * What a request needs that only its own content decides: fields of its body, a signature. Rendered once per
 * snapshot as far as that goes.
 */
export interface Completion {
  readonly body: PlacedBody | undefined;
  readonly hmac: HmacSigning | undefined;
  readonly aws: AwsSigning | undefined;
}

export interface PlacedBody {
  /** Fields to set in a JSON object; undefined for none. */
  readonly json: JsonFields | undefined;
  /** Rendered `name=value&…`, percent-encoded; undefined for none. */
  readonly form: string | undefined;
  /** Normalised as names of the query are. */
  readonly formNames: ReadonlySet<string>;
  readonly maxBytes: number;
}

/** By key. */
export type JsonFields = ReadonlyMap<string, JsonField>;

/** A field to set, or the way to some. */
export interface JsonField {
  /** JSON text in UTF-8: the value to set; on the way, an object with everything below it. */
  readonly value: Uint8Array;
  /** `"key":value` */
  readonly member: Uint8Array;
  /** Undefined for a field that is set itself. */
  readonly fields: JsonFields | undefined;
}

/** One piece of a text to sign: one character per byte, or a part of the request. */
export type SigningPart =
  | string
  | { readonly request: CanonicalName }
  | { readonly header: string };

export interface HmacSigning {
  readonly key: Uint8Array;
  readonly algorithm: HmacAlgorithm;
  readonly encoding: DigestEncoding;
  readonly bodyHash: { readonly algorithm: HmacAlgorithm; readonly encoding: DigestEncoding };
  readonly canonical: readonly SigningPart[];
  readonly prefix: readonly SigningPart[];
  readonly header: string;
  readonly timestampFormat: TimestampFormat;
  readonly timestampHeader: string | undefined;
  readonly nonceHeader: string | undefined;
  /** Whether the text holds the body or its hash. */
  readonly readsBody: boolean;
  readonly maxBodyBytes: number;
}

export interface AwsSigning {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly service: string;
  readonly region: string;
  readonly maxBodyBytes: number;
}

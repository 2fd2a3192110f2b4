/** How a response's body is written, by its raw headers. */
export interface BodyForm {
  /** `unknown`: an encoding that cannot be searched. */
  readonly coding: 'identity' | 'gzip' | 'br' | 'unknown';
  /** Content-Length; -1 without one. */
  readonly length: number;
  /** Whether the type is known to be no text. */
  readonly isBinary: boolean;
}

const CONTENT_TYPE = 'content-type';
const CONTENT_LENGTH = 'content-length';
const CONTENT_ENCODING = 'content-encoding';

/** Raw headers: name, value, name, value, as bytes. */
export function readBodyForm(raw: readonly Uint8Array[]): BodyForm {
  let encoding = '';
  let length = -1;
  let types = 0;
  let binaryTypes = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const bytes = (raw[i] as Uint8Array).length;
    if (bytes === CONTENT_TYPE.length) {
      if (!isNamed(raw, i, CONTENT_TYPE)) continue;
      types++;
      if (isBinaryType(textOf(raw[i + 1]))) binaryTypes++;
    } else if (bytes === CONTENT_LENGTH.length) {
      if (isNamed(raw, i, CONTENT_LENGTH)) length = Number(textOf(raw[i + 1]));
    } else if (bytes === CONTENT_ENCODING.length) {
      if (isNamed(raw, i, CONTENT_ENCODING)) encoding += `,${textOf(raw[i + 1]).toLowerCase()}`;
    }
  }
  // Of several types, nobody knows which one the client goes by.
  const isBinary = types > 0 && binaryTypes === types;
  return { coding: encoding === '' ? 'identity' : codingOf(encoding), length, isBinary };
}

function codingOf(list: string): BodyForm['coding'] {
  const codings = list
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const [only, another] = codings;
  if (only === undefined) return 'identity';
  if (another !== undefined) return 'unknown';
  if (only === 'gzip' || only === 'x-gzip') return 'gzip';
  return only === 'br' ? 'br' : 'unknown';
}

/**
 * Types whose bytes are no text: to replace any would break them, and they are large. All others are searched,
 * also those that nobody has heard of, and a body without a type.
 */
const BINARY_FAMILY = /^(?:image\/(?!svg)|audio\/|video\/|font\/|model\/)/;
const BINARY_TYPES = new Set(
  [
    ['octet-stream', 'pdf', 'wasm', 'zip', 'gzip', 'zstd', 'java-archive', 'ogg', 'mp4'],
    ['x-gzip', 'x-tar', 'x-xz', 'x-bzip', 'x-bzip2', 'x-7z-compressed', 'x-zip-compressed'],
    ['vnd.rar', 'x-rar-compressed', 'x-rpm', 'vnd.debian.binary-package', 'x-iso9660-image'],
    ['cbor', 'msgpack', 'x-msgpack', 'vnd.msgpack', 'protobuf', 'x-protobuf'],
    ['grpc', 'grpc+proto', 'grpc-web', 'grpc-web+proto', 'vnd.google.protobuf'],
    ['x-git-upload-pack-result', 'x-git-receive-pack-result', 'x-git-packed-objects'],
    ['vnd.apache.parquet', 'vnd.apache.arrow.stream', 'vnd.apache.arrow.file', 'vnd.sqlite3'],
    ['vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'vnd.ms-excel', 'msword'],
    ['vnd.openxmlformats-officedocument.wordprocessingml.document', 'vnd.ms-powerpoint'],
    ['vnd.openxmlformats-officedocument.presentationml.presentation'],
    ['vnd.docker.image.rootfs.diff.tar.gzip', 'vnd.oci.image.layer.v1.tar+gzip'],
    ['vnd.android.package-archive', 'vnd.microsoft.portable-executable', 'x-msdownload'],
  ]
    .flat()
    .map((type) => `application/${type}`),
);

const MAX_TYPES = 512;
const knownTypes = new Map<string, boolean>();

function isBinaryType(value: string): boolean {
  const known = knownTypes.get(value);
  if (known !== undefined) return known;
  const [type = ''] = value.toLowerCase().split(';');
  const isBinary = BINARY_FAMILY.test(type.trim()) || BINARY_TYPES.has(type.trim());
  if (knownTypes.size < MAX_TYPES && value.length <= MAX_TYPES) knownTypes.set(value, isBinary);
  return isBinary;
}

/** Sets the length of the body, or (-1) leaves it to the framing. `raw` is changed in place, as by all of these. */
export function setLength(raw: Uint8Array[], length: number): void {
  removeNamed(raw, LENGTH_NAMES);
  if (length >= 0) raw.push(Buffer.from('Content-Length'), Buffer.from(String(length)));
}

/** Removes what is true of a body only as it was encoded. */
export function removeEncoding(raw: Uint8Array[]): void {
  removeNamed(raw, ENCODED_NAMES);
}

/** Removes digests (RFC 9530, RFC 3230, RFC 1864) of a body that is, or may be, changed. */
export function removeDigests(raw: Uint8Array[]): void {
  removeNamed(raw, DIGEST_NAMES);
}

/** Removes the name of the version that a changed body no longer is. */
export function removeValidator(raw: Uint8Array[]): void {
  removeNamed(raw, VALIDATOR_NAMES);
}

const DIGESTS = ['content-md5', 'digest', 'content-digest', 'repr-digest'];
const DIGEST_NAMES = new Set(DIGESTS);
const LENGTH_NAMES = new Set([CONTENT_LENGTH]);
const ENCODED_NAMES = new Set([CONTENT_ENCODING, CONTENT_LENGTH, ...DIGESTS]);
const VALIDATOR_NAMES = new Set(['etag']);

function removeNamed(raw: Uint8Array[], names: ReadonlySet<string>): void {
  let end = 0;
  for (let i = 0; i < raw.length; i += 2) {
    if (names.has(textOf(raw[i]).toLowerCase())) continue;
    raw[end++] = raw[i] as Uint8Array;
    raw[end++] = raw[i + 1] as Uint8Array;
  }
  raw.length = end;
}

function isNamed(raw: readonly Uint8Array[], index: number, name: string): boolean {
  return textOf(raw[index]).toLowerCase() === name;
}

function textOf(bytes: Uint8Array | undefined): string {
  return (bytes as Buffer).toString('latin1');
}

import {
  type AwsOptions,
  type AwsSigning,
  type CanonicalPart,
  compileCanonical,
  compileTemplate,
  DEFAULT_GATHERED_BYTES,
  type HmacOptions,
  type HmacSigning,
  type KeyEncoding,
  type SecretReference,
  type SigningPart,
  type Template,
  templateOf,
} from '../core/index.js';

/**
 * Prepares a keyed hash. `render` gives one character per byte, `renderHeader` the same for a header; `unfit` is
 * told of a value that cannot be used where it stands.
 */
export function renderHmac(
  options: HmacOptions,
  render: (template: Template) => string,
  renderHeader: (template: Template) => string,
  unfit: (template: Template, where: string, why: string) => void,
): HmacSigning {
  const { template } = compileTemplate(options.key);
  const key = decodeKey(render(template), options.keyEncoding ?? 'text');
  if (key === undefined) {
    unfit(template, 'sign.hmac.key', `is not written as ${options.keyEncoding ?? 'text'}`);
  }
  const algorithm = options.algorithm ?? 'sha256';
  const canonical = partsOf(options.canonical, render);
  const { bodyHash, timestamp, nonce } = options;
  return {
    key: key ?? new Uint8Array(0),
    algorithm,
    encoding: options.encoding ?? 'hex',
    bodyHash: {
      algorithm: bodyHash?.algorithm ?? algorithm,
      encoding: bodyHash?.encoding ?? 'hex',
    },
    canonical,
    prefix: partsOf(options.prefix ?? '', renderHeader),
    header: options.header,
    timestampFormat: timestamp?.format ?? 'seconds',
    timestampHeader: timestamp?.header,
    nonceHeader: nonce?.header,
    readsBody: canonical.some(readsBody),
    maxBodyBytes: options.maxBodyBytes ?? DEFAULT_GATHERED_BYTES,
  };
}

function readsBody(part: SigningPart): boolean {
  return (
    typeof part !== 'string' &&
    'request' in part &&
    (part.request === 'body' || part.request === 'bodyHash')
  );
}

function partsOf(text: string, render: (template: Template) => string): SigningPart[] {
  return compileCanonical(text).parts.map((part) => renderPart(part, render));
}

function renderPart(part: CanonicalPart, render: (template: Template) => string): SigningPart {
  if (part.type === 'request') return { request: part.name };
  if (part.type === 'header') return { header: part.name };
  return render(templateOf(part));
}

function decodeKey(text: string, encoding: KeyEncoding): Uint8Array | undefined {
  if (encoding === 'text') return Buffer.from(text, 'latin1');
  if (encoding === 'hex') {
    return /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
  }
  // Both alphabets, with or without padding.
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** The secret that holds a key pair; undefined where the text names none. */
export function credentialsOf({ credentials }: AwsOptions): SecretReference | undefined {
  return compileTemplate(credentials).template.references[0];
}

/** Prepares AWS signatures. `field` gives a field of the secret as text, undefined for one that it has not. */
export function renderAws(
  options: AwsOptions,
  field: (name: 'accessKeyId' | 'secretAccessKey' | 'sessionToken') => string | undefined,
): AwsSigning {
  return {
    accessKeyId: field('accessKeyId') ?? '',
    secretAccessKey: field('secretAccessKey') ?? '',
    sessionToken: field('sessionToken'),
    service: options.service,
    region: options.region,
    maxBodyBytes: options.maxBodyBytes ?? DEFAULT_GATHERED_BYTES,
  };
}

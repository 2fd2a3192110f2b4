import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { SignatureV4 } from '@smithy/signature-v4';
import {
  AppError,
  type ImportedEntry,
  type ImportedSource,
  type Problem,
  SecretValue,
} from '../core/index.js';
import { askJson, type JsonAnswer, member } from './ask-json.js';
import { givenValue } from './given-value.js';

export interface AwsSecretsOptions {
  readonly region: string;
  /** Undefined = that of the region. */
  readonly endpoint: URL | undefined;
  /** Only names that begin so. */
  readonly prefix: string | undefined;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly ca: string | undefined;
}

const MOST_SECRETS = 10_000;
const PAGE = 100;
const ATTEMPTS = 6;
const FIRST_WAIT_MS = 200;
/** Also errors without a fault of the request: https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html */
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded/;
const WRONG_KEY =
  /UnrecognizedClient|InvalidClientTokenId|InvalidSignature|IncompleteSignature|ExpiredToken/;

/**
 * Reads the current value of each secret in AWS Secrets Manager (JSON protocol 1.1, `ListSecrets` and
 * `GetSecretValue`). A secret whose text is a JSON object of texts has fields. One that may not be read is a problem,
 * not the end. Throws `upstream_…`, and `unauthenticated` when the key pair is refused.
 */
export async function readAwsSecrets(options: AwsSecretsOptions): Promise<ImportedSource> {
  const client = new SecretsManager(options);
  const entries: ImportedEntry[] = [];
  const problems: Problem[] = [];
  const notices: Problem[] = [];
  for (const name of await client.listNames()) {
    const { status, body } = await client.ask('GetSecretValue', { SecretId: name });
    const problem = status === 200 ? undefined : describeError(body);
    if (problem?.startsWith('ResourceNotFound') || problem?.startsWith('InvalidRequest')) {
      notices.push({ path: name, message: `has no current value (${problem}): it is left out` });
    } else if (problem !== undefined) {
      problems.push({ path: name, message: `could not be read (${problem})` });
    } else {
      const value = heldValue(body);
      if (value === undefined) problems.push({ path: name, message: 'holds no value' });
      else entries.push({ place: name, name, environment: undefined, value });
    }
  }
  return { entries, problems, notices };
}

class SecretsManager {
  readonly #options: AwsSecretsOptions;
  readonly #url: URL;
  readonly #signer: SignatureV4;

  constructor(options: AwsSecretsOptions) {
    this.#options = options;
    const domain = options.region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    this.#url = options.endpoint ?? new URL(`https://secretsmanager.${options.region}.${domain}/`);
    const { accessKeyId, secretAccessKey, sessionToken } = options;
    this.#signer = new SignatureV4({
      service: 'secretsmanager',
      region: options.region,
      credentials: {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
      sha256: Sha256,
    });
  }

  async listNames(): Promise<readonly string[]> {
    const { prefix } = this.#options;
    const names = new Set<string>();
    let NextToken: unknown;
    do {
      const before = names.size;
      const { status, body } = await this.ask('ListSecrets', {
        MaxResults: PAGE,
        ...(prefix === undefined ? {} : { Filters: [{ Key: 'name', Values: [prefix] }] }),
        ...(NextToken === undefined ? {} : { NextToken }),
      });
      const list = member(body, 'SecretList');
      if (status !== 200 || !Array.isArray(list)) {
        throw new AppError('forbidden', `ListSecrets was refused (${describeError(body)}).`);
      }
      for (const item of list) {
        const name = member(item, 'Name');
        if (typeof name === 'string' && name.startsWith(prefix ?? '')) names.add(name);
      }
      NextToken = member(body, 'NextToken') ?? undefined;
      // Pages may be empty; one that gives nothing new over and over has no end.
      const isEndless = names.size > MOST_SECRETS || (names.size === before && list.length > 0);
      if (isEndless && NextToken !== undefined) {
        throw new AppError('response_too_large', 'ListSecrets comes to no end.');
      }
    } while (NextToken !== undefined);
    return [...names];
  }

  /** Waits and tries again where the service says that it is asked too often. */
  async ask(action: string, parameters: object): Promise<JsonAnswer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#askOnce(action, JSON.stringify(parameters));
      const error = answer.status === 200 ? '' : describeError(answer.body);
      if (WRONG_KEY.test(error)) {
        throw new AppError('unauthenticated', `AWS refuses the key pair (${error}).`);
      }
      const isTransient = THROTTLED.test(error) || answer.status >= 500;
      if (!isTransient) return answer;
      if (attempt === ATTEMPTS) {
        const why = error === '' ? `status ${answer.status}` : error;
        throw new AppError('upstream_unreachable', `${this.#url.origin} keeps refusing (${why}).`);
      }
      await wait(FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }

  async #askOnce(action: string, body: string): Promise<JsonAnswer> {
    const url = this.#url;
    const signed = await this.#signer.sign({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: {
        host: url.host,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `secretsmanager.${action}`,
      },
      body,
    });
    const { ca } = this.#options;
    return askJson({ url, method: 'POST', headers: signed.headers, body, ca });
  }
}

/** `AccessDeniedException` of `{"__type": "com.amazon…#AccessDeniedException"}`: never its message. */
function describeError(body: unknown): string {
  const type = member(body, '__type');
  const name = typeof type === 'string' ? (type.split('#').at(-1)?.split(':')[0] ?? '') : '';
  return /^\w{1,80}$/.test(name) ? name : 'no reason given';
}

function heldValue(body: unknown): ImportedEntry['value'] | undefined {
  const text = member(body, 'SecretString');
  if (typeof text === 'string') {
    const fields = text.startsWith('{') ? givenValue(parse(text)) : undefined;
    return fields ?? givenValue(text);
  }
  const binary = member(body, 'SecretBinary');
  if (typeof binary !== 'string' || binary === '') return undefined;
  return { type: 'single', value: SecretValue.fromBytes(Buffer.from(binary, 'base64')) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, keyed or not, in the form that signature-v4 takes it. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(key?: Bytes) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', asBytes(key));
  }

  update(data: Bytes): void {
    this.#hash.update(asBytes(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}

function asBytes(data: Bytes): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

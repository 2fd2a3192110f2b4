import {
  constants,
  createDecipheriv,
  createPublicKey,
  generateKeyPair,
  privateDecrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { SecretValue } from '../../core/index.js';
import { textOf } from '../secret-text.js';
import { isObject } from './read-answer.js';

/** Hashes of RSA-OAEP by the name of the algorithm in RFC 7518. */
const OAEP_HASHES: Readonly<Record<string, string>> = {
  'RSA-OAEP': 'sha1',
  'RSA-OAEP-256': 'sha256',
};

/** A new private key, in PEM, for one answer of Stripe. */
export async function makeAnswerKey(): Promise<SecretValue> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return SecretValue.fromText(privateKey);
}

/** What Stripe encrypts for, in PEM. */
export function publicPartOf(answerKey: SecretValue): string {
  return createPublicKey(textOf(answerKey)).export({ type: 'spki', format: 'pem' }).toString();
}

/**
 * The key in an answer: in the clear for test keys, encrypted for `answerKey` for live ones (a compact JWE, RFC 7516,
 * with RSA-OAEP and A256GCM). Undefined where there is none that can be read.
 */
export function openStripeSecret(found: unknown, answerKey: SecretValue): string | undefined {
  if (!isObject(found)) return undefined;
  if (typeof found.token === 'string') return found.token;
  const { encrypted_secret: encrypted } = found;
  const jwe = isObject(encrypted) ? encrypted.ciphertext : undefined;
  if (typeof jwe !== 'string') return undefined;
  try {
    return openJwe(jwe, textOf(answerKey));
  } catch {
    return undefined;
  }
}

function openJwe(jwe: string, privateKey: string): string {
  const parts = jwe.split('.');
  const [head = '', wrappedKey, iv, ciphertext, tag] = parts;
  const { alg, enc } = JSON.parse(fromBase64(head).toString()) as { alg?: string; enc?: string };
  const oaepHash = OAEP_HASHES[alg ?? ''];
  if (parts.length !== 5 || oaepHash === undefined || enc !== 'A256GCM')
    throw new Error('other JWE');
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const key = privateDecrypt({ key: privateKey, padding, oaepHash }, fromBase64(wrappedKey));
  const opened = createDecipheriv('aes-256-gcm', key, fromBase64(iv), { authTagLength: 16 });
  opened.setAAD(Buffer.from(head, 'ascii'));
  opened.setAuthTag(fromBase64(tag));
  return Buffer.concat([opened.update(fromBase64(ciphertext)), opened.final()]).toString();
}

function fromBase64(text = ''): Buffer {
  return Buffer.from(text, 'base64url');
}

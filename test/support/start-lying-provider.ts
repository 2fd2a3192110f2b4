import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { Certificate } from './make-certificate.js';

type Json = Record<string, unknown>;

const JSON_TYPE = { 'content-type': 'application/json' };
const KEY_ID = 'key-of-the-provider';

/** What an ID token is made of. */
export interface TokenParts {
  readonly header: Json;
  readonly claims: Json;
  /** How it is signed. */
  readonly signature: 'right' | 'other-key' | 'public-key-as-secret' | 'none' | 'of-other-claims';
}

/** What it does otherwise than an honest one; each may be set while it runs. */
export interface Lies {
  discovery?: (honest: Json) => unknown;
  idToken?: (honest: TokenParts) => TokenParts;
  /** In place of the answer of an endpoint. */
  answer?: (path: string, response: ServerResponse) => boolean;
  userinfo?: (honest: Json) => Json;
}

export interface LyingProvider {
  readonly issuer: string;
  readonly lies: Lies;
  /** What the next ID token is for. */
  readonly person: { claims: Json; nonce: string };
  /** Requests so far, with the form of what was posted. */
  readonly requests: {
    readonly path: string;
    readonly authorization: string | undefined;
    readonly form: URLSearchParams;
  }[];
}

/** A provider on loopback that says what it is told to say; over TLS with a certificate. */
export async function startLyingProvider(certificate?: Certificate): Promise<LyingProvider> {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const lies: Lies = {};
  const person = { claims: {} as Json, nonce: '' };
  const requests: LyingProvider['requests'] = [];
  const serve: RequestListener = (request, response) => {
    const { pathname: path } = new URL(request.url ?? '/', 'http://provider');
    text(request).then(
      (body) => {
        const { authorization } = request.headers;
        requests.push({ path, authorization, form: new URLSearchParams(body) });
        if (lies.answer?.(path, response) === true) return;
        const answer = answers[path];
        if (answer === undefined) response.writeHead(404).end();
        else response.writeHead(200, JSON_TYPE).end(JSON.stringify(answer()));
      },
      () => response.destroy(),
    );
  };
  const server =
    certificate === undefined ? createServer(serve) : createTlsServer(certificate, serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const scheme = certificate === undefined ? 'http' : 'https';
  const issuer = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const subject = 'subject-of-mallory';

  const idToken = (): string => {
    const nowS = Math.floor(Date.now() / 1000);
    const honest: TokenParts = {
      header: { alg: 'ES256', kid: KEY_ID, typ: 'JWT' },
      claims: {
        iss: issuer,
        sub: subject,
        aud: 'console',
        iat: nowS,
        exp: nowS + 300,
        nonce: person.nonce,
        ...person.claims,
      },
      signature: 'right',
    };
    return tokenOf(lies.idToken?.(honest) ?? honest, own, other.privateKey);
  };
  const answers: Readonly<Record<string, () => unknown>> = {
    '/.well-known/openid-configuration': () => {
      const honest = {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        // What an attacker would have it say.
        id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
      };
      return lies.discovery?.(honest) ?? honest;
    },
    '/keys': () => ({
      keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' }],
    }),
    '/token': () => ({
      access_token: 'an-access-token',
      token_type: 'bearer',
      id_token: idToken(),
    }),
    '/userinfo': () => {
      const honest = { sub: subject };
      return lies.userinfo?.(honest) ?? honest;
    },
  };
  return { issuer, lies, person, requests };
}

function tokenOf(
  { header, claims, signature }: TokenParts,
  own: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  otherKey: KeyObject,
): string {
  const encode = (part: Json): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  if (signature === 'none') return `${signed}.`;
  if (signature === 'public-key-as-secret') {
    const secret = own.publicKey.export({ format: 'pem', type: 'spki' });
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  }
  const key = signature === 'other-key' ? otherKey : own.privateKey;
  const over = signature === 'of-other-claims' ? `${encode(header)}.${encode({})}` : signed;
  const bytes = sign('sha256', Buffer.from(over), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${bytes.toString('base64url')}`;
}

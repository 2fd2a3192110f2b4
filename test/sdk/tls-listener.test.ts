import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import got from 'got';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { isInstalled, runProgram } from '../support/run-program.js';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsAnyApi } from './upstreams/any-api.js';

async function start(withClientCertificates = false) {
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const write = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  const authority = await makeAuthority();
  const server = await makeCertificate(authority, { ips: ['127.0.0.1'] });
  const clientAuthority = await makeAuthority('Client authority');
  const client = await makeCertificate(clientAuthority, { dns: ['app.example'] });
  const stranger = await makeCertificate(authority, { dns: ['app.example'] });
  const flags = {
    '--proxy-tls-cert': await write('server.pem', server.cert),
    '--proxy-tls-key': await write('server.key', server.key),
    ...(withClientCertificates
      ? { '--proxy-tls-client-ca': await write('client-ca.pem', clientAuthority.cert) }
      : {}),
  };
  const upstream = await startUpstream(
    answerAsAnyApi(({ headers }) => headers.authorization === `Bearer ${REAL_KEY}`),
  );
  const behind = await startBehindKeyferry(upstream, { flags });
  const caFile = await write('ca.pem', authority.cert);
  return { ...behind, upstream, authority, client, stranger, caFile, write };
}

describe('the proxy listener on TLS', () => {
  it('serves clients that know its authority, over HTTP and WebSocket', async () => {
    const { baseUrl, token, authority, upstream } = await start();
    expect(baseUrl).toMatch(/^https:/);
    const headers = { Authorization: `Bearer ${token}` };
    const https = { certificateAuthority: authority.cert };
    expect(await got(`${baseUrl}/things`, { headers, https }).json()).toMatchObject({
      path: '/things',
    });
    const sockets = new WebSocketServer({ server: upstream.server });
    sockets.on('connection', (socket) => socket.send('hello'));
    const socket = new WebSocket(`${baseUrl.replace('https', 'wss')}/live`, {
      headers,
      ca: authority.cert,
    });
    const text = await new Promise((resolve, reject) => {
      socket.on('message', (data) => resolve(String(data)));
      socket.on('error', reject);
    });
    expect(text).toBe('hello');
    socket.terminate();
  });

  it("serves Node's fetch where NODE_EXTRA_CA_CERTS names its authority", async () => {
    const { baseUrl, token, caFile } = await start();
    const script = `const r = await fetch(process.env.URL_, { headers: { authorization: 'Bearer ' + process.env.TOKEN } });
      process.stdout.write(r.status + ' ' + (await r.json()).path);`;
    const { stdout } = await runProgram(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { env: { NODE_EXTRA_CA_CERTS: caFile, URL_: `${baseUrl}/things`, TOKEN: token } },
    );
    expect(stdout).toBe('200 /things');
  });

  it('is refused by clients that do not know its authority', async () => {
    const { baseUrl, token } = await start();
    const headers = { Authorization: `Bearer ${token}` };
    const refused = got(`${baseUrl}/things`, { headers, retry: { limit: 0 } });
    await expect(refused).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  it.skipIf(!isInstalled('curl'))(
    'speaks TLS 1.2 and 1.3 with curl, and nothing older',
    async () => {
      const { baseUrl, token, caFile } = await start();
      const curl = (...flags: string[]) =>
        runProgram('curl', [
          ...['-q', '-sS', '--cacert', caFile, '-u', `${token}:`, ...flags],
          ...['-o', '/dev/null', '-w', '%{http_code} %{http_version}', `${baseUrl}/things`],
        ]);
      for (const flags of [['--tls-max', '1.2'], ['--tlsv1.3']]) {
        expect((await curl('--http1.1', ...flags)).stdout).toBe('200 1.1');
        expect((await curl('--http2', ...flags)).stdout).toBe('200 2');
      }
      const old = await curl('--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0');
      expect([old.code, old.stdout]).toEqual([35, '000 0']);
    },
  );

  it('takes only clients with a certificate of the authority it was given', async () => {
    const { baseUrl, token, authority, client, stranger, upstream } = await start(true);
    const headers = { Authorization: `Bearer ${token}` };
    const call = (certificate?: { cert: string; key: string }) =>
      got(`${baseUrl}/things`, {
        headers,
        retry: { limit: 0 },
        https: {
          certificateAuthority: authority.cert,
          ...(certificate === undefined
            ? {}
            : { certificate: certificate.cert, key: certificate.key }),
        },
      });
    expect((await call(client)).statusCode).toBe(200);
    await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/SSL|ECONNRESET/) });
    await expect(call(stranger)).rejects.toMatchObject({
      code: expect.stringMatching(/SSL|ECONNRESET/),
    });
    expect(upstream.seen).toHaveLength(1);
  });

  it.skipIf(!isInstalled('curl'))('takes a client certificate from curl', async () => {
    const { baseUrl, token, caFile, client, write } = await start(true);
    const cert = await write('client.pem', client.cert);
    const key = await write('client.key', client.key);
    const curl = (...flags: string[]) =>
      runProgram('curl', [
        ...['-q', '-sS', '--cacert', caFile, '-u', `${token}:`, ...flags],
        ...['-o', '/dev/null', '-w', '%{http_code}', `${baseUrl}/things`],
      ]);
    expect((await curl('--cert', cert, '--key', key)).stdout).toBe('200');
    const without = await curl();
    expect(without.code).not.toBe(0);
    expect(without.stdout).toBe('000');
  });
});

import {
  type ChannelCredentials,
  Client,
  credentials,
  type Deadline,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/raw-upstream.js';
import { startHttp2Proxy, TEST_CA, UPSTREAM_CERTIFICATE } from '../support/start-http2-proxy.js';
import { REAL_KEY } from '../support/start-proxy.js';

type Method = MethodDefinition<string, string>;

function method(name: string, requestStream: boolean, responseStream: boolean): Method {
  const serialise = (text: string): Buffer => Buffer.from(text);
  const parse = (bytes: Buffer): string => bytes.toString();
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialise,
    requestDeserialize: parse,
    responseSerialize: serialise,
    responseDeserialize: parse,
  };
}

const METHODS = {
  unary: method('Unary', false, false),
  serverStream: method('ServerStream', false, true),
  clientStream: method('ClientStream', true, false),
  bidi: method('Bidi', true, true),
};
const SERVICE: ServiceDefinition = METHODS;

interface Upstream {
  readonly port: number;
  /** `authorization` of each call, as it arrived. */
  readonly seen: (string | undefined)[];
  cancelled: number;
  readonly server: Server;
}

function allowed(metadata: Metadata): boolean {
  return metadata.get('authorization')[0] === `Bearer ${REAL_KEY}`;
}

const REFUSED = { code: status.UNAUTHENTICATED, details: 'wrong credential' };

async function startGrpcUpstream(secure: boolean): Promise<Upstream> {
  const server = new Server();
  const upstream: Upstream = { port: 0, seen: [], cancelled: 0, server };
  const note = (metadata: Metadata): void => {
    upstream.seen.push(metadata.get('authorization')[0]?.toString());
  };
  const implementation: UntypedServiceImplementation = {
    unary(call: ServerUnaryCall<string, string>, callback: sendUnaryData<string>) {
      note(call.metadata);
      call.on('cancelled', () => upstream.cancelled++);
      if (!allowed(call.metadata)) return callback(REFUSED);
      if (call.request === 'wait') return;
      if (call.request === 'fail') {
        const metadata = new Metadata();
        metadata.set('reason', 'because');
        return callback({ code: status.ALREADY_EXISTS, details: 'é%', metadata });
      }
      const initial = new Metadata();
      initial.set('kind', 'unary');
      call.sendMetadata(initial);
      const trailer = new Metadata();
      trailer.set('trailing-bin', Buffer.from([0, 255]));
      callback(null, `unary ${call.request}`, trailer);
    },
    serverStream(call: ServerWritableStream<string, string>) {
      note(call.metadata);
      call.on('cancelled', () => upstream.cancelled++);
      const count = Number(call.request);
      const text = 'x'.repeat(1000);
      let sent = 0;
      const more = (): void => {
        while (sent < count) {
          if (!call.write(`${sent++} ${text}`)) {
            call.once('drain', more);
            return;
          }
        }
        call.end();
      };
      more();
    },
    clientStream(call: ServerReadableStream<string, string>, callback: sendUnaryData<string>) {
      note(call.metadata);
      const got: string[] = [];
      call.on('data', (text: string) => got.push(text));
      call.on('end', () => callback(null, got.join(',')));
    },
    bidi(call: ServerDuplexStream<string, string>) {
      note(call.metadata);
      call.on('cancelled', () => upstream.cancelled++);
      call.on('data', (text: string) => call.write(`echo ${text}`));
      call.on('end', () => call.end());
    },
  };
  server.addService(SERVICE, implementation);
  const { key, cert } = UPSTREAM_CERTIFICATE;
  const serverCredentials = secure
    ? ServerCredentials.createSsl(null, [
        { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
      ])
    : ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', serverCredentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return Object.assign(upstream, { port });
}

async function start(secure = true, more: { timeouts?: { headersMs: number } } = {}) {
  const upstream = await startGrpcUpstream(secure);
  const origin = `${secure ? 'https' : 'http'}://127.0.0.1:${upstream.port}`;
  const rig = await startHttp2Proxy(origin, {
    match: { pathPrefix: '/test.Echo' },
    stripPrefix: false,
    http2: true,
    ...(secure ? { tls: { ca: TEST_CA } } : {}),
    ...more,
  });
  const channel: ChannelCredentials = credentials.createSsl(Buffer.from(TEST_CA));
  const client = new Client(`127.0.0.1:${rig.port}`, channel);
  onTestFinished(() => client.close());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${rig.token}`);
  const unary = (
    request: string,
    options: { deadline?: Deadline; metadata?: Metadata; path?: string } = {},
  ) =>
    new Promise<string>((resolve, reject) => {
      const { requestSerialize, responseDeserialize } = METHODS.unary;
      client.makeUnaryRequest(
        options.path ?? METHODS.unary.path,
        requestSerialize,
        responseDeserialize,
        request,
        options.metadata ?? metadata,
        options.deadline === undefined ? {} : { deadline: options.deadline },
        (error, value) => (error === null ? resolve(value ?? '') : reject(error)),
      );
    });
  return { ...rig, upstream, client, metadata, unary };
}

describe.each([
  ['over TLS', true],
  ['with prior knowledge', false],
])('gRPC to an upstream %s', (_how, secure) => {
  it('passes unary calls, with metadata, trailers and statuses', async () => {
    const { client, metadata, upstream, unary, decisions, ended } = await start(secure);
    const { requestSerialize, responseDeserialize } = METHODS.unary;
    const found = await new Promise<{ initial: Metadata; trailing: Metadata; value: string }>(
      (resolve, reject) => {
        let initial = new Metadata();
        let value = '';
        const call = client.makeUnaryRequest(
          METHODS.unary.path,
          requestSerialize,
          responseDeserialize,
          'hello',
          metadata,
          (error, text) => {
            if (error !== null) reject(error);
            value = text ?? '';
          },
        );
        call.on('metadata', (came) => {
          initial = came;
        });
        call.on('status', ({ metadata: trailing }) => resolve({ initial, trailing, value }));
      },
    );
    expect(found.value).toBe('unary hello');
    expect(found.initial.get('kind')).toEqual(['unary']);
    expect(found.trailing.get('trailing-bin')).toEqual([Buffer.from([0, 255])]);
    expect(upstream.seen).toEqual([`Bearer ${REAL_KEY}`]);
    await expect(unary('fail')).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
      details: 'é%',
    });
    await ended(2);
    expect(decisions[0]).toMatchObject({ status: 200, code: undefined, secrets: ['api_key@1'] });
  });

  it('passes calls that stream to the client, however slowly it reads', async () => {
    const { client, metadata } = await start(secure);
    const { requestSerialize, responseDeserialize } = METHODS.serverStream;
    const call = client.makeServerStreamRequest(
      METHODS.serverStream.path,
      requestSerialize,
      responseDeserialize,
      '3000',
      metadata,
    );
    let count = 0;
    for await (const text of call as AsyncIterable<string>) {
      expect(text.startsWith(`${count} x`)).toBe(true);
      count++;
      if (count % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(count).toBe(3000);
  });

  it('passes calls that stream to the upstream', async () => {
    const { client, metadata } = await start(secure);
    const { requestSerialize, responseDeserialize } = METHODS.clientStream;
    const answer = await new Promise<string>((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        METHODS.clientStream.path,
        requestSerialize,
        responseDeserialize,
        metadata,
        (error, value) => (error === null ? resolve(value ?? '') : reject(error)),
      );
      for (const text of ['a', 'b', 'c']) call.write(text);
      call.end();
    });
    expect(answer).toBe('a,b,c');
  });

  it('passes calls that stream both ways, answer by answer', async () => {
    const { client, metadata } = await start(secure);
    const { requestSerialize, responseDeserialize } = METHODS.bidi;
    const call = client.makeBidiStreamRequest(
      METHODS.bidi.path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    const ended = new Promise<{ code: number }>((resolve) => call.on('status', resolve));
    for (const text of ['one', 'two', 'three']) {
      const answer = new Promise((resolve) => call.once('data', resolve));
      call.write(text);
      expect(await answer).toBe(`echo ${text}`);
    }
    call.end();
    expect((await ended).code).toBe(status.OK);
  });
});

it('many calls share a connection and never mix', async () => {
  const { unary } = await start();
  const texts = Array.from({ length: 300 }, (_, index) => `call ${index}`);
  expect(await Promise.all(texts.map((text) => unary(text)))).toEqual(
    texts.map((text) => `unary ${text}`),
  );
});

it('a call that is cancelled or past its deadline is cancelled at the upstream', async () => {
  const { unary, upstream, client, metadata, ended } = await start();
  await expect(unary('wait', { deadline: Date.now() + 300 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  await eventually(() => upstream.cancelled === 1);
  const { requestSerialize, responseDeserialize } = METHODS.bidi;
  const call = client.makeBidiStreamRequest(
    METHODS.bidi.path,
    requestSerialize,
    responseDeserialize,
    metadata,
  );
  call.on('error', () => undefined);
  const first = new Promise((resolve) => call.once('data', resolve));
  call.write('one');
  await first;
  call.cancel();
  await eventually(() => upstream.cancelled === 2);
  await ended(2);
});

it("Keyferry's own errors are gRPC statuses", async () => {
  const { unary, token, upstream, ended, decisions } = await start(true, {
    timeouts: { headersMs: 200 },
  });
  const wrong = new Metadata();
  wrong.set('keyferry-token', 'kfc_wrong');
  const refused = unary('x', { metadata: wrong }).catch((error: unknown) => error);
  expect(await refused).toMatchObject({
    code: status.UNAUTHENTICATED,
    details: expect.stringContaining('No valid client token'),
  });
  const { metadata } = (await refused) as { metadata: Metadata };
  expect(metadata.get('keyferry-error')).toEqual(['client_unauthenticated']);
  const right = new Metadata();
  right.set('keyferry-token', token);
  const nowhere = unary('x', { path: '/other.Service/Call', metadata: right });
  await expect(nowhere).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  await expect(unary('wait')).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
    details: expect.stringContaining('headersMs'),
  });
  upstream.server.forceShutdown();
  await expect(unary('x')).rejects.toMatchObject({ code: status.UNAVAILABLE });
  await ended(4);
  expect(decisions.map(({ code }) => code)).toEqual([
    'client_unauthenticated',
    'route_not_found',
    'upstream_timeout',
    'upstream_unreachable',
  ]);
});

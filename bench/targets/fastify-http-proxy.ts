/** @fastify/http-proxy as its readme sets it up, with the credential added as a request header. */
import proxy from '@fastify/http-proxy';
import fastify from 'fastify';

const server = fastify();
await server.register(proxy, {
  upstream: process.argv[2] ?? '',
  prefix: '/r0',
  rewritePrefix: '/',
  replyOptions: {
    rewriteRequestHeaders: (_request, headers) => ({
      ...headers,
      authorization: 'Bearer sk_bench_0123456789abcdef',
    }),
  },
});
server.server.keepAliveTimeout = 120_000;
const address = await server.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`fastify listens on ${address}\n`);

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { AdminContext } from './admin-environment.js';
import type { AdminDependencies } from './dependencies.js';

/**
 * Answers with a file as it is made, at the pace of who reads it. Writes to the Node response itself: the adapter
 * would end a stream that fails as if it were whole, with the error's text in it. Here a failure cuts the connection.
 */
export async function streamAnswer(
  context: AdminContext,
  about: { readonly type: string; readonly name: string },
  chunks: AsyncIterable<Uint8Array | string>,
  { logError }: Pick<AdminDependencies, 'logError'>,
): Promise<Response> {
  context.header('Content-Type', about.type);
  context.header('Content-Disposition', `attachment; filename="${about.name}"`);
  const { outgoing } = context.env;
  outgoing.writeHead(200, Object.fromEntries(context.body(null).headers));
  try {
    await pipeline(Readable.from(chunks), outgoing);
  } catch (error) {
    logError(error, { requestId: context.get('requestId'), path: context.req.path });
  }
  return RESPONSE_ALREADY_SENT;
}

/** Goes on after a first piece that was awaited before the head: a failure to begin is then a proper error. */
export async function* resume<T>(
  first: IteratorResult<T>,
  rest: AsyncIterator<T>,
): AsyncGenerator<T> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    // Cut off early, the source must still clear away what it holds.
    await rest.return?.();
  }
}

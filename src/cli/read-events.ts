import type { Readable } from 'node:stream';

/** Thrown where nothing came for too long. */
export class SilentStream extends Error {}

/**
 * The data of each server-sent event (WHATWG HTML section 9.2.6) as it comes. Comments keep it alive; throws
 * `SilentStream` when not even those come for `silenceMs`. What it was reading is let go when the loop ends.
 */
export async function* readEvents(body: Readable, silenceMs: number): AsyncGenerator<string> {
  const pieces: AsyncIterator<string> = body.setEncoding('utf8')[Symbol.asyncIterator]();
  let rest = '';
  let data: string[] = [];
  try {
    while (true) {
      const { done, value } = await within(pieces.next(), silenceMs);
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
        else if (line === '' && data.length > 0) {
          yield data.join('\n');
          data = [];
        }
      }
    }
  } finally {
    body.destroy();
  }
}

async function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilentStream()), limitMs);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}

import { Worker } from 'node:worker_threads';
import { AppError, type Clock } from '../core/index.js';
import type { Commands } from './sqlite/commands.js';
import { fromPortable } from './sqlite/error-across-threads.js';
import {
  type AnswerMessage,
  type CallMessage,
  OPENED,
  type OpenRequest,
} from './sqlite/worker-messages.js';

type Result<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>;

/** The main thread's end of the worker that owns the database. */
export interface DatabaseWorker {
  readonly databaseId: string;
  /** Runs one command in the worker. Throws what it threw; `store_unavailable` when the worker is gone. */
  call<Name extends keyof Commands>(
    command: Name,
    ...argument: Parameters<Commands[Name]>
  ): Promise<Result<Name>>;
  /** After the commands that were sent before. Once is enough. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/**
 * Starts the worker and waits until the database is open. Throws what opening it threw. `giveUp` ends the worker, also
 * later, as if the process were killed: what it was doing is not done, and every call throws `store_unavailable`.
 */
export async function startDatabaseWorker(
  opening: Omit<OpenRequest, 'nowMs'>,
  clock: Clock,
  giveUp: AbortSignal | undefined,
): Promise<DatabaseWorker> {
  const worker = new Worker(
    new URL('dist/program/worker.js', import.meta.resolve('keyferry/package.json')),
    {
      workerData: { ...opening, nowMs: Math.trunc(clock.now()) } satisfies OpenRequest,
      name: 'keyferry-store',
    },
  );
  giveUp?.addEventListener('abort', () => void worker.terminate());
  const waiting = new Map<number, Waiting>();
  let lastId = OPENED;
  let gone: AppError | undefined;
  let closing: Promise<void> | undefined;

  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      fail(undefined);
      resolve();
    });
  });
  worker.on('error', fail);
  worker.on('message', (message: AnswerMessage) => {
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if ('error' in message) caller?.reject(fromPortable(message.error));
    else caller?.resolve(message.result);
  });

  function fail(cause: unknown): void {
    gone ??= new AppError(
      'store_unavailable',
      closing === undefined ? 'The store has stopped. Restart the server.' : 'The store is closed.',
      cause === undefined ? {} : { cause },
    );
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  }

  const send = (id: number, command: CallMessage['command'], argument: unknown): void =>
    worker.postMessage({
      id,
      command,
      argument,
      nowMs: Math.trunc(clock.now()),
    } satisfies CallMessage);

  const answerTo = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });

  const request = async (command: CallMessage['command'], argument: unknown): Promise<unknown> => {
    if (gone !== undefined) throw gone;
    const id = ++lastId;
    const answer = answerTo(id);
    send(id, command, argument);
    return answer;
  };

  const databaseId = await answerTo(OPENED);

  return {
    databaseId: String(databaseId),
    call: async (command, ...[argument]) => (await request(command, argument)) as never,
    close() {
      // A worker that dies meanwhile is closed too: what it acknowledged is on the disk.
      closing ??= request('close', undefined).then(
        () => exited,
        () => exited,
      );
      return closing;
    },
  };
}

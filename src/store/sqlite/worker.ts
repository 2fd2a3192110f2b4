import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../../core/index.js';
import { createCommands } from './commands.js';
import { createDatabaseFile, lockDataFolder, prepareDataFolder } from './data-folder.js';
import { toPortable } from './error-across-threads.js';
import { initialise, readMeta } from './initialise.js';
import { migrate } from './migrate.js';
import { openDatabase } from './open-database.js';
import { createSession } from './session.js';
import {
  type AnswerMessage,
  type CallMessage,
  OPENED,
  type OpenRequest,
} from './worker-messages.js';

function serve(port: MessagePort, request: OpenRequest): void {
  const { dataDir, mode, createIfMissing, migrationsFolder } = request;
  const readonly = mode === 'inspect';
  let nowMs = request.nowMs;
  const file = prepareDataFolder(dataDir, createIfMissing && !readonly);
  const lock = readonly ? undefined : lockDataFolder(dataDir, mode === 'shared');
  const isAlone = lock?.alone === true;
  if (isAlone) createDatabaseFile(dataDir, file);
  const database = openDatabase(file, readonly);
  const schemaVersion = migrate(database, migrationsFolder, !isAlone);
  if (isAlone) initialise(database, nowMs);
  lock?.share();
  const databaseId = readMeta(database, 'database_id');
  if (databaseId === undefined) throw new AppError('database_corrupt', 'The database has no id.');
  const session = createSession({
    database,
    databaseId,
    now: () => nowMs,
    othersWrite: mode !== 'own',
  });
  const commands = createCommands(session, schemaVersion);

  const run = ({ command, argument }: CallMessage): unknown => {
    if (command === 'close') {
      database.close();
      lock?.close();
      return undefined;
    }
    return session.run(() => (commands[command] as (argument: unknown) => unknown)(argument));
  };

  port.on('message', async (message: CallMessage) => {
    nowMs = message.nowMs;
    try {
      const result = run(message);
      const answer = result instanceof Promise ? await result : result;
      port.postMessage({ id: message.id, result: answer } satisfies AnswerMessage);
    } catch (error) {
      port.postMessage({ id: message.id, error: toPortable(error) } satisfies AnswerMessage);
    }
    if (message.command === 'close') port.close();
  });
  port.postMessage({ id: OPENED, result: databaseId } satisfies AnswerMessage);
}

if (parentPort !== null) {
  try {
    serve(parentPort, workerData as OpenRequest);
  } catch (error) {
    parentPort.postMessage({ id: OPENED, error: toPortable(error) } satisfies AnswerMessage);
    parentPort.close();
  }
}

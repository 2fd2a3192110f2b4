import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from './config/index.js';
import type { SystemFacts } from './core/index.js';

/** The files that grow. */
const FILES = ['keyferry.db', 'keyferry.db-wal'];

/** What the process and its disk say of themselves; asks no database, whose answer may take long when it is large. */
export async function findSystemFacts(
  { dataDir, inForce }: Pick<Settings, 'dataDir' | 'inForce'>,
  startedAtMs: number,
): Promise<SystemFacts> {
  const [{ bavail, bsize }, ...sizes] = await Promise.all([
    statfs(dataDir),
    ...FILES.map((name) => sizeOf(join(dataDir, name))),
  ]);
  return {
    startedAtMs,
    nodeVersion: process.versions.node,
    databaseBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    freeBytes: bavail * bsize,
    settings: inForce,
  };
}

/** The log is absent between two writers. */
async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

import type { StatusAnswer, SystemAnswer } from '../core/index.js';
import { addCommand, type Registry, type Session } from './command.js';

/** `keyferry system`: the server itself. */
export function addSystem(registry: Registry): void {
  addCommand(registry, {
    usage: 'system',
    summary: 'show version, storage and the settings in force, each with what said so',
    example: 'system',
    act: showSystem,
  });
}

async function showSystem({ api, json, terminal }: Session): Promise<void> {
  const [status, system] = await Promise.all([
    api().get<StatusAnswer>('/v1/status'),
    api().get<SystemAnswer>('/v1/system'),
  ]);
  if (json) return terminal.json({ ...status, ...system });
  const { storage, settings } = system;
  terminal.facts({
    state: status.ready ? 'ready' : 'not ready',
    version: `${status.version}, on Node ${system.nodeVersion}`,
    started: system.startedAt,
    database: inMebibytes(storage.databaseBytes),
    'free disk': inMebibytes(storage.freeBytes),
    'audit log': `${storage.auditRows} rows`,
    'last backup': storage.lastBackupAt ?? 'none by the API',
  });
  for (const reason of status.reasons) terminal.warn(reason);
  terminal.print();
  terminal.table(
    [{ title: 'SETTING' }, { title: 'VALUE', shrinks: true }, { title: 'FROM' }],
    settings.map(({ name, value, secret, isGiven, source }) => [
      name,
      value ?? (secret && isGiven ? '(given, not shown)' : '–'),
      source.replace('_', ' '),
    ]),
  );
}

function inMebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

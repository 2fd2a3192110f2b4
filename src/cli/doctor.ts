import { Option } from 'commander';
import { addCommand, type Registry } from './command.js';
import type { DoctorCheck } from './ports.js';

const MARKS: Readonly<Record<DoctorCheck['status'], string>> = {
  ok: '✓',
  warn: '⚠',
  fail: '✗',
};

/** `keyferry doctor`: looks the data folder over and changes nothing. */
export function addDoctor(registry: Registry): void {
  addCommand<{ readonly rootKeyFile?: string }>(registry, {
    usage: 'doctor',
    summary: 'look for trouble: permissions, keys, audit log, routes against secrets, clock',
    example: 'doctor --data-dir ./data',
    options: [new Option('--root-key-file <file>', 'the root key (KEYFERRY_ROOT_KEY_FILE)')],
    async act({ dataDir, terminal, json, ports }, { rootKeyFile }) {
      const { checks } = await ports.maintenance.doctor({ dataDir, rootKeyFile });
      const failed = checks.filter((check) => check.status === 'fail').length;
      if (json) terminal.json({ ok: failed === 0, checks });
      else {
        for (const { name, status, detail, fix } of checks) {
          terminal.print(`${MARKS[status]} ${name}: ${detail}`, colourOf(status, terminal.paint));
          if (fix !== undefined) terminal.print(`    ${fix}`);
        }
        terminal.print(failed === 0 ? 'Nothing is broken.' : `${failed} broken.`);
      }
      return failed === 0 ? 0 : 1;
    },
  });
}

function colourOf(
  status: DoctorCheck['status'],
  paint: { red(text: string): string; yellow(text: string): string },
): (text: string) => string {
  if (status === 'fail') return paint.red;
  return status === 'warn' ? paint.yellow : (text) => text;
}

import { Option } from 'commander';
import { addCommand, type Registry } from './command.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';

const NAMED = 20;

/** `keyferry accept-rows`: works on the data folder, with the server stopped. */
export function addAcceptRows(registry: Registry): void {
  addCommand<ConfirmOptions & { readonly rootKeyFile?: string }>(registry, {
    usage: 'accept-rows',
    summary: 'take rows as they are that another program altered, with the server stopped',
    example: 'accept-rows --data-dir ./data',
    notes: [
      'What they say holds from then on: who may do what, and where values go. See first: keyferry doctor.',
    ],
    options: [
      new Option('--root-key-file <file>', 'the root key (KEYFERRY_ROOT_KEY_FILE)'),
      yesOption(),
    ],
    async act(session, options) {
      const { dataDir, terminal, json, ports } = session;
      await confirm(session, options, `Take every row of ${dataDir} as it is now?`);
      const { rootKeyFile } = options;
      const found = await ports.maintenance.acceptRows({ dataDir, rootKeyFile });
      const { rows, altered, missing } = found;
      if (json) return terminal.json({ dataDir, ...found });
      for (const name of altered.slice(0, NAMED)) terminal.print(`Accepted ${name}.`);
      if (altered.length > NAMED) terminal.print(`… and ${altered.length - NAMED} more.`);
      if (missing > 0) terminal.print(`Accepted that ${missing} rows are gone.`);
      terminal.print(`All ${rows} rows count as they are now.`);
    },
  });
}

import { segment } from './api-client.js';
import { addCommand, addNoun, type Registry } from './command.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { describeMoment } from './describe-time.js';

interface EnvironmentAnswer {
  readonly name: string;
  readonly createdAt: string;
}

/** `keyferry environments create|list|delete`. */
export function addEnvironments(registry: Registry): void {
  const noun = addNoun(registry, 'environments', 'declare environments: production, staging, …');
  addCommand(noun, {
    usage: 'create <name>',
    summary: 'declare an environment',
    example: 'environments create review',
    async act({ api, json, terminal }, _options, name) {
      const created = await api().post<EnvironmentAnswer>('/v1/environments', { name });
      if (json) return terminal.json(created);
      terminal.print(`Created environment ${created.name}.`);
      terminal.hint(`Give it a value: keyferry versions add NAME --environment ${created.name}`);
    },
  });
  addCommand(noun, {
    usage: 'list',
    summary: 'list the declared environments',
    example: 'environments list',
    async act({ api, json, terminal }) {
      const items = await api().list<EnvironmentAnswer>('/v1/environments');
      if (json) return terminal.json({ items });
      if (items.length === 0) {
        terminal.print('No environments.');
        return terminal.hint('Declare one: keyferry environments create production');
      }
      const rows = items.map((item) => [item.name, describeMoment(item.createdAt)]);
      terminal.table([{ title: 'ENVIRONMENT' }, { title: 'CREATED' }], rows);
    },
  });
  addCommand<ConfirmOptions>(noun, {
    usage: 'delete <name>',
    summary: 'delete an environment that holds nothing',
    example: 'environments delete review',
    options: [yesOption()],
    async act(session, options, name) {
      await confirm(session, options, `Delete the environment ${name}?`);
      await session.api().delete(`/v1/environments/${segment(name)}`);
      if (session.json) return session.terminal.json({ name, deleted: true });
      session.terminal.print(`Deleted environment ${name}.`);
    },
  });
}

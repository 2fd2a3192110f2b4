import type { VersionAnswer } from '../core/index.js';
import { segment } from './api-client.js';
import { addCommand, environmentOption, type Registry } from './command.js';

/** `keyferry rollback`: the previous version of a secret becomes current again. */
export function addRollback(registry: Registry): void {
  addCommand<{ readonly environment: string }>(registry, {
    usage: 'rollback <secret>',
    summary: 'make the previous version of a secret current again',
    example: 'rollback stripe_api_key --environment production',
    options: [environmentOption()],
    async act({ api, json, terminal }, { environment }, secret) {
      const path = `/v1/secrets/${segment(secret)}/environments/${segment(environment)}/rollback`;
      const answer = await api().post<VersionAnswer>(path);
      if (json) return terminal.json(answer);
      terminal.print(`Version ${answer.version} of ${secret} is current in ${environment} again.`);
      terminal.hint(`Go forward again: keyferry rollback ${secret} --environment ${environment}`);
    },
  });
}

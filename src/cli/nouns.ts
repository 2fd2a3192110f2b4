import { addAcceptRows } from './accept-rows.js';
import { addAdmins } from './admins.js';
import { addAudit } from './audit.js';
import { addBackup } from './backup.js';
import { addClients } from './clients.js';
import type { Registry } from './command.js';
import { addCompletion } from './completion.js';
import { addCutover } from './cutover.js';
import { addDoctor } from './doctor.js';
import { addEnvironments } from './environments.js';
import { addImport } from './import.js';
import type { ServeSetting } from './ports.js';
import { addRekey } from './rekey.js';
import { addRestore } from './restore.js';
import { addRollback } from './rollback.js';
import { addRotate } from './rotate.js';
import { addRoutes } from './routes.js';
import { addSecrets } from './secrets.js';
import { addServe } from './serve.js';
import { addStatus } from './status.js';
import { addVersions } from './versions.js';

/** Adds every command, in the order and the groups of the help. */
export function addNouns(registry: Registry, serveSettings: readonly ServeSetting[]): void {
  registry.parent.commandsGroup('Server:');
  addServe(registry, serveSettings);
  addStatus(registry);
  registry.parent.commandsGroup('Secrets:');
  addSecrets(registry);
  addVersions(registry);
  addRotate(registry);
  addCutover(registry);
  addRollback(registry);
  addImport(registry);
  registry.parent.commandsGroup('Routes and who may use them:');
  addRoutes(registry);
  addClients(registry);
  addEnvironments(registry);
  registry.parent.commandsGroup('Operation:');
  addAdmins(registry);
  addAudit(registry);
  addBackup(registry);
  addRestore(registry);
  addRekey(registry);
  addDoctor(registry);
  addAcceptRows(registry);
  addCompletion(registry);
}

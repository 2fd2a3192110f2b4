import type { Registry } from './command.js';
import type { ServeSetting } from './ports.js';

type Add = (registry: Registry, serveSettings: readonly ServeSetting[]) => void;

/** Every command by its name, in the order and the groups of the help. */
const NOUNS: Readonly<Record<string, Readonly<Record<string, () => Promise<Add>>>>> = {
  'Server:': {
    serve: async () => (await import('./serve.js')).addServe,
    status: async () => (await import('./status.js')).addStatus,
    system: async () => (await import('./system.js')).addSystem,
    console: async () => (await import('./console.js')).addConsole,
  },
  'Secrets:': {
    secrets: async () => (await import('./secrets.js')).addSecrets,
    versions: async () => (await import('./versions.js')).addVersions,
    rotate: async () => (await import('./rotate.js')).addRotate,
    rotation: async () => (await import('./rotation.js')).addRotation,
    cutover: async () => (await import('./cutover.js')).addCutover,
    rollback: async () => (await import('./rollback.js')).addRollback,
    import: async () => (await import('./import.js')).addImport,
  },
  'Routes and who may use them:': {
    routes: async () => (await import('./routes.js')).addRoutes,
    clients: async () => (await import('./clients.js')).addClients,
    environments: async () => (await import('./environments.js')).addEnvironments,
  },
  'Operation:': {
    usage: async () => (await import('./usage.js')).addUsage,
    alerts: async () => (await import('./alerts.js')).addAlerts,
    notifications: async () => (await import('./notifications.js')).addNotifications,
    admins: async () => (await import('./admins.js')).addAdmins,
    audit: async () => (await import('./audit.js')).addAudit,
    backup: async () => (await import('./backup.js')).addBackup,
    restore: async () => (await import('./restore.js')).addRestore,
    rekey: async () => (await import('./rekey.js')).addRekey,
    doctor: async () => (await import('./doctor.js')).addDoctor,
    'accept-rows': async () => (await import('./accept-rows.js')).addAcceptRows,
    completion: async () => (await import('./completion.js')).addCompletion,
  },
};

/**
 * Adds the commands. Where `named` is one of them, only that one is loaded and added: each of the others would cost
 * some of the time that a short command takes. A completion script is made of them all.
 */
export async function addNouns(
  registry: Registry,
  serveSettings: readonly ServeSetting[],
  named?: string,
): Promise<void> {
  const nouns = Object.entries(NOUNS).flatMap(([group, members]) =>
    Object.entries(members).map(([name, load]) => ({ group, name, load })),
  );
  const alone = named === 'completion' ? [] : nouns.filter(({ name }) => name === named);
  const wanted = alone.length === 0 ? nouns : alone;
  const loaded = await Promise.all(wanted.map(({ load }) => load()));
  for (const [index, { group }] of wanted.entries()) {
    registry.parent.commandsGroup(group);
    loaded[index]?.(registry, serveSettings);
  }
}

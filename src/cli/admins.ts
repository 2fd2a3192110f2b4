import { Option } from 'commander';
import type { AdminAnswer } from '../core/index.js';
import { ROLES, type Role } from '../core/index.js';
import { stateOf } from './clients.js';
import { addCommand, addNoun, type Registry, repeated, type Session } from './command.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { describeMoment, parseMoment } from './describe-time.js';
import { findByName } from './find-by-name.js';

interface CreateOptions {
  readonly role: Role;
  readonly environment?: readonly string[];
  readonly secretPrefix?: string;
  readonly expires?: string;
}

/** `keyferry admins create|list|revoke|recover`. */
export function addAdmins(registry: Registry): void {
  const noun = addNoun(registry, 'admins', 'give operators their tokens and take them back');
  addCommand<CreateOptions>(noun, {
    usage: 'create <name>',
    summary: 'create an admin and print its token, this once',
    example: 'admins create ci --role operator --environment staging --secret-prefix ci_',
    options: [
      new Option('--role <role>', 'viewer reads, operator changes, admin also manages admins')
        .choices(ROLES)
        .makeOptionMandatory(),
      repeated('--environment <name>', 'limit it to this environment (repeatable; default: all)'),
      new Option('--secret-prefix <text>', 'limit it to secrets whose name begins so'),
      new Option('--expires <when>', 'when the token ends: 90d, or 2027-01-31T00:00:00Z'),
    ],
    act: create,
  });
  addCommand(noun, {
    usage: 'list',
    summary: 'list admins',
    example: 'admins list',
    act: list,
  });
  addCommand<ConfirmOptions>(noun, {
    usage: 'revoke <admin>',
    summary: 'end an admin and its token; name it by its name or its id',
    example: 'admins revoke ci',
    options: [yesOption()],
    async act(session, options, name) {
      const api = session.api();
      const admin = findByName(await api.listPaged<AdminAnswer>('/v1/admins'), name, 'admin');
      await confirm(session, options, `Revoke the admin ${admin.name}?`);
      await api.delete(`/v1/admins/${admin.id}`);
      if (session.json)
        return session.terminal.json({ id: admin.id, name: admin.name, revoked: true });
      session.terminal.print(`Revoked admin ${admin.name}.`);
    },
  });
  addCommand<{ readonly rootKeyFile?: string }>(noun, {
    usage: 'recover',
    summary: 'make an admin where every token is lost, with the server stopped',
    example: 'admins recover --data-dir ./data',
    notes: [
      'It needs the data folder and its root key. Other admins stay: revoke those that are not known.',
    ],
    options: [new Option('--root-key-file <file>', 'the root key (KEYFERRY_ROOT_KEY_FILE)')],
    async act({ dataDir, terminal, json, ports }, { rootKeyFile }) {
      const { name, tokenFile } = await ports.maintenance.recoverAdmin({ dataDir, rootKeyFile });
      if (json) return terminal.json({ name, tokenFile });
      terminal.print(`Created admin ${name}. Its token is in ${tokenFile}.`);
      terminal.hint(
        'Start the server, then: keyferry admins list, and revoke those that are not known.',
      );
    },
  });
}

async function create(
  { api, json, terminal, nowMs }: Session,
  { role, environment: environments, secretPrefix, expires }: CreateOptions,
  name: string,
): Promise<void> {
  const admin = await api().post<AdminAnswer & { readonly token: string }>('/v1/admins', {
    name,
    role,
    ...(environments === undefined ? {} : { environments }),
    ...(secretPrefix === undefined ? {} : { secretPrefix }),
    ...(expires === undefined
      ? {}
      : { expiresAt: parseMoment(expires, '--expires', 'future', nowMs) }),
  });
  if (json) return terminal.json(admin);
  terminal.print(`Created ${admin.role} ${admin.name}. Its token, shown this once:`);
  terminal.print();
  terminal.print(`  ${admin.token}`);
  terminal.print();
  terminal.hint('Keep it in a private file and name that with KEYFERRY_ADMIN_TOKEN_FILE.');
}

async function list({ api, json, terminal, nowMs }: Session): Promise<void> {
  const items = await api().listPaged<AdminAnswer>('/v1/admins');
  if (json) return terminal.json({ items });
  terminal.table(
    [
      { title: 'ADMIN', shrinks: true },
      { title: 'ID', shrinks: true },
      { title: 'ROLE' },
      { title: 'ENVIRONMENTS', shrinks: true },
      { title: 'SECRETS', shrinks: true },
      { title: 'STATE' },
      { title: 'EXPIRES' },
      { title: 'CREATED' },
    ],
    items.map((admin) => [
      admin.name,
      admin.id,
      admin.role,
      admin.environments?.join(', ') ?? 'all',
      admin.secretPrefix === null ? 'all' : `${admin.secretPrefix}*`,
      stateOf(admin, nowMs),
      describeMoment(admin.expiresAt),
      describeMoment(admin.createdAt),
    ]),
    (cell, column) => (column === 5 && cell !== 'active' ? terminal.paint.dim(cell) : cell),
  );
}

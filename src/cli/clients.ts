import { Option } from 'commander';
import type { ClientAnswer, RoutesAnswer } from '../core/index.js';
import { nearestName, type Route } from '../core/index.js';
import type { ApiClient } from './api-client.js';
import { describeLimits, type LimitOptions, limitOptions, limitsOf } from './client-limits.js';
import {
  addCommand,
  addNoun,
  environmentOption,
  type Registry,
  repeated,
  type Session,
} from './command.js';
import { CommandFailure } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { describeAgo, describeMoment, parseMoment } from './describe-time.js';
import { findByName } from './find-by-name.js';

const DEFAULT_PROXY_URL = 'http://127.0.0.1:8080';
const EVERY_ADDRESS = new Set(['0.0.0.0', '[::]']);

interface UpdateOptions extends LimitOptions {
  /** False: `--no-limits`. */
  readonly limits?: boolean;
}

interface CreateOptions extends LimitOptions {
  readonly environment: string;
  readonly route?: readonly string[];
  readonly cidr?: readonly string[];
  readonly expires?: string;
}

/** `keyferry clients create|list|update|revoke`. */
export function addClients(registry: Registry): void {
  const noun = addNoun(registry, 'clients', 'give apps their tokens and take them back');
  addCommand<CreateOptions>(noun, {
    usage: 'create <name>',
    summary: 'create a client and print its token, this once',
    example: 'clients create shop --environment production --route stripe',
    options: [
      environmentOption('the one environment that its requests go to'),
      repeated('--route <name>', 'a route that it may use (repeatable; default: all)'),
      repeated('--cidr <network>', 'a network that it may come from (repeatable; default: any)'),
      new Option('--expires <when>', 'when the token ends: 90d, or 2027-01-31T00:00:00Z'),
      ...limitOptions(),
    ],
    act: create,
  });
  addCommand(noun, {
    usage: 'list',
    summary: 'list clients',
    example: 'clients list',
    act: list,
  });
  addCommand<UpdateOptions>(noun, {
    usage: 'update <client>',
    summary: 'change how much a client may send; name it by its name or its id',
    example: 'clients update shop --requests-per-second 20 --concurrent-requests 50',
    options: [
      ...limitOptions(),
      new Option('--no-limits', 'those that the server gives every client'),
    ],
    act: update,
  });
  addCommand<ConfirmOptions>(noun, {
    usage: 'revoke <client>',
    summary: 'end a client and its token; name it by its name or its id',
    example: 'clients revoke shop',
    options: [yesOption()],
    async act(session, options, name) {
      const api = session.api();
      const client = findByName(await api.listPaged<ClientAnswer>('/v1/clients'), name, 'client');
      await confirm(session, options, `Revoke the client ${client.name}? Its requests will fail.`);
      await api.delete(`/v1/clients/${client.id}`);
      if (session.json)
        return session.terminal.json({ id: client.id, name: client.name, revoked: true });
      session.terminal.print(`Revoked client ${client.name}.`);
    },
  });
}

async function update(session: Session, options: UpdateOptions, name: string): Promise<void> {
  const limits = limitsOf(options);
  if ((limits === undefined) === (options.limits !== false)) {
    throw new CommandFailure('give the limits that it is to have, or --no-limits');
  }
  const api = session.api();
  const { id } = findByName(await api.listPaged<ClientAnswer>('/v1/clients'), name, 'client');
  const client = await api.patch<ClientAnswer>(`/v1/clients/${id}`, { limits: limits ?? null });
  if (session.json) return session.terminal.json(client);
  session.terminal.print(`Limits of client ${client.name}: ${describeLimits(client.limits)}.`);
}

async function create(session: Session, options: CreateOptions, name: string): Promise<void> {
  const { terminal, json, nowMs } = session;
  const api = session.api();
  const { environment, route: names, cidr: cidrs, expires } = options;
  const limits = limitsOf(options);
  const client = await api.post<ClientAnswer & { readonly token: string }>('/v1/clients', {
    name,
    environment,
    ...(names === undefined ? {} : { routes: names }),
    ...(cidrs === undefined ? {} : { cidrs }),
    ...(limits === undefined ? {} : { limits }),
    ...(expires === undefined
      ? {}
      : { expiresAt: parseMoment(expires, '--expires', 'future', nowMs) }),
  });
  if (json) return terminal.json(client);
  terminal.print(`Created client ${client.name} for ${environment}. Its token, shown this once:`);
  terminal.print();
  terminal.print(`  ${client.token}`);
  terminal.print();
  const [routes, proxyUrl] = await Promise.all([findRoutes(api), findProxy(api)]);
  warnOfUnknownRoutes(session, client, routes);
  const route = routes.find((candidate) => mayUse(client, candidate));
  if (route === undefined) {
    terminal.hint('No route is there for it yet: keyferry routes apply routes.json');
  } else {
    const { host, pathPrefix = '' } = route.match;
    const hostHeader = host === undefined ? '' : ` -H 'Host: ${host.replace('*', 'any')}'`;
    const url = `${proxyUrl}${pathPrefix.replace(/\/$/, '')}/`;
    terminal.hint(`Try it: curl -i -H 'Keyferry-Token: ${client.token}'${hostHeader} ${url}`);
  }
}

/** Where requests go, as seen from here: a proxy on every address is where the admin API is. */
async function findProxy(api: ApiClient): Promise<string> {
  const status = await api
    .get<{ readonly proxyUrl: string | null }>('/v1/status')
    .catch(() => null);
  const url = new URL(status?.proxyUrl ?? DEFAULT_PROXY_URL);
  if (EVERY_ADDRESS.has(url.hostname)) url.hostname = api.hostname;
  return url.origin;
}

/** The applied routes; none where they cannot be told. */
async function findRoutes(api: ApiClient): Promise<readonly Route[]> {
  const applied = await api.get<RoutesAnswer>('/v1/routes').catch(() => undefined);
  return applied?.document.routes ?? [];
}

function mayUse({ environment, routes }: ClientAnswer, route: Route): boolean {
  const isListed = routes === null || routes.includes(route.name);
  return isListed && Object.hasOwn(route.environments, environment);
}

/** A route may come later, so the server takes any name; a misspelt one would be a 403 much later. */
function warnOfUnknownRoutes(
  { terminal }: Session,
  client: ClientAnswer,
  routes: readonly Route[],
): void {
  const known = routes.map((route) => route.name);
  for (const name of client.routes ?? []) {
    if (known.length === 0 || known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const question = nearest === undefined ? '' : `; did you mean ${nearest}?`;
    terminal.warn(`no applied route is named ${name}${question}`);
  }
}

async function list({ api, json, terminal, nowMs }: Session): Promise<void> {
  const items = await api().listPaged<ClientAnswer>('/v1/clients');
  if (json) return terminal.json({ items });
  if (items.length === 0) {
    terminal.print('No clients.');
    return terminal.hint('Create one: keyferry clients create NAME --environment production');
  }
  terminal.table(
    [
      { title: 'CLIENT', shrinks: true },
      { title: 'ID', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'ROUTES', shrinks: true },
      { title: 'NETWORKS', shrinks: true },
      { title: 'LIMITS', shrinks: true },
      { title: 'STATE' },
      { title: 'EXPIRES' },
      { title: 'LAST USED', align: 'right' },
    ],
    items.map((client) => [
      client.name,
      client.id,
      client.environment,
      client.routes?.join(', ') ?? 'all',
      client.cidrs?.join(', ') ?? 'any',
      describeLimits(client.limits),
      stateOf(client, nowMs),
      describeMoment(client.expiresAt),
      describeAgo(client.lastUsedAt, nowMs),
    ]),
    (cell, column) => (column === 6 && cell !== 'active' ? terminal.paint.dim(cell) : cell),
  );
}

/** `active`, `expired` or `revoked`: of a client or an admin. */
export function stateOf(
  holder: { readonly revokedAt: string | null; readonly expiresAt: string | null },
  nowMs: number,
): string {
  if (holder.revokedAt !== null) return 'revoked';
  return holder.expiresAt !== null && Date.parse(holder.expiresAt) <= nowMs ? 'expired' : 'active';
}

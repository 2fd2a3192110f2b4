import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import {
  coversRole,
  type PageAnswer,
  type StatusAnswer,
  type SystemAnswer,
} from '../core/index.js';
import { Allowed } from './allowed.js';
import { type ApiProblem, segment } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { readForm } from './form.js';
import { renderPage } from './layout.js';
import { Mark } from './mark.js';
import { Moment } from './moment.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';
import { ACTIONS, Table } from './table.js';

interface EnvironmentAnswer {
  readonly name: string;
  readonly createdAt: string;
}

/** `/system`: how the server is, its environments, and a backup. */
export function addSystem(app: Hono<ConsoleEnvironment>): void {
  app.get('/system', (context) => show(context));

  app.post('/system/backup', async (context) => {
    const { api } = context.get('visitor');
    return api.download('POST', '/v1/backup');
  });

  app.post('/system/environments', async (context) => {
    const { api } = context.get('visitor');
    const form = await readForm(context);
    const name = form.text('name') ?? '';
    return after(context, () => api.post('/v1/environments', { name }));
  });

  app.post('/system/environments/:name/delete', (context) => {
    const { api } = context.get('visitor');
    const path = `/v1/environments/${segment(context.req.param('name'))}`;
    return after(context, () => api.delete(path));
  });
}

async function after(context: ConsoleContext, act: () => Promise<unknown>): Promise<Response> {
  const problem = await refusalOf(act);
  return problem === undefined ? context.redirect('/system', 303) : show(context, problem);
}

async function show(context: ConsoleContext, problem?: ApiProblem): Promise<Response> {
  const { api, session } = context.get('visitor');
  const { role, environments: limits, secretPrefix } = session.admin;
  const seesSystem = coversRole(role, 'operator') && limits === null && secretPrefix === null;
  const [status, system, environments] = await Promise.all([
    api.get<StatusAnswer>('/v1/status'),
    seesSystem ? api.get<SystemAnswer>('/v1/system') : undefined,
    api.get<PageAnswer<EnvironmentAnswer>>('/v1/environments'),
  ]);
  return renderPage(
    context,
    {
      title: 'System',
      children: (
        <>
          <ProblemNotice problem={problem} />
          <section class="panel" aria-label="State of the server">
            <dl class="facts">
              <dt>State</dt>
              <dd>
                <Mark tone={status.ready ? 'good' : 'bad'}>
                  {status.ready ? 'ready' : 'not ready'}
                </Mark>
                {status.reasons.map((reason) => (
                  <div>{reason}</div>
                ))}
              </dd>
              <dt>Version</dt>
              <dd>
                {status.version}
                {system !== undefined && `, on Node ${system.nodeVersion}`}
              </dd>
              <dt>Proxy</dt>
              <dd>{status.proxyUrl ?? 'not listening yet'}</dd>
              <dt>Routes</dt>
              <dd>
                revision {status.routes.revision}, applied <Moment at={status.routes.appliedAt} />
                {status.routes.file !== null && `, from the file ${status.routes.file}`}
              </dd>
              <dt>Time of the server</dt>
              <dd>
                <Moment at={status.time} />
              </dd>
              {system !== undefined && <StorageFacts system={system} />}
              <dt>API</dt>
              <dd>
                <a href="/docs">its documentation</a>
              </dd>
            </dl>
          </section>
          <Environments items={environments.items} />
          {system !== undefined && <Settings items={system.settings} />}
          <Allowed to="admin">
            <section class="panel" aria-labelledby="backup">
              <h2 id="backup">Backup</h2>
              <p>
                Everything in one file, encrypted with the root key. It is restored with{' '}
                <code>keyferry restore</code>, and needs that key: keep it elsewhere.
              </p>
              <form method="post" action="/system/backup">
                <button type="submit" class="secondary">
                  Download a backup
                </button>
              </form>
            </section>
          </Allowed>
        </>
      ),
    },
    problem === undefined ? 200 : 409,
  );
}

const GIBIBYTE = 1024 ** 3;
const LITTLE_SPACE_BYTES = 256 * 1024 * 1024;

const StorageFacts: FC<{ readonly system: SystemAnswer }> = ({
  system: { startedAt, storage },
}) => (
  <>
    <dt>Started</dt>
    <dd>
      <Moment at={startedAt} />
    </dd>
    <dt>Database</dt>
    <dd>{describeBytes(storage.databaseBytes)}</dd>
    <dt>Free disk</dt>
    <dd>
      {describeBytes(storage.freeBytes)}{' '}
      {storage.freeBytes < LITTLE_SPACE_BYTES && (
        <Mark tone="bad">little: make room before the database cannot be written</Mark>
      )}
    </dd>
    <dt>Audit log</dt>
    <dd>
      <a href="/audit">{storage.auditRows.toLocaleString('en')} rows</a>
    </dd>
    <dt>Last backup</dt>
    <dd>
      <Moment at={storage.lastBackupAt} never="none yet" />
    </dd>
  </>
);

function describeBytes(bytes: number): string {
  const [size, unit] = bytes < GIBIBYTE ? [bytes / 1024 ** 2, 'MiB'] : [bytes / GIBIBYTE, 'GiB'];
  return `${size.toLocaleString('en', { maximumFractionDigits: 1 })} ${unit}`;
}

const FROM: Readonly<Record<SystemAnswer['settings'][number]['source'], string>> = {
  flag: 'a flag',
  variable: 'a variable',
  config_file: 'the config file',
  default: 'default',
};

/** What was set comes first. Of a secret only whether it is given is known here. */
const Settings: FC<{ readonly items: SystemAnswer['settings'] }> = ({ items }) => {
  const given = items.filter((one) => one.isGiven);
  const others = items.filter((one) => !one.isGiven);
  return (
    <section class="panel" aria-labelledby="settings">
      <h2 id="settings">Settings in force</h2>
      <p class="quiet small">
        They are set by flags, variables or the config file when the server starts.
      </p>
      {given.length > 0 && <SettingsTable items={given} />}
      <details>
        <summary>{others.length} as they are by default</summary>
        <SettingsTable items={others} />
      </details>
    </section>
  );
};

const SettingsTable: FC<{ readonly items: SystemAnswer['settings'] }> = ({ items }) => (
  <Table
    columns={[
      'Setting',
      { text: 'Value', phone: 'plain' },
      { text: 'From', phone: 'lead' },
      { text: 'What it is', phone: 'wide' },
    ]}
  >
    {items.map(({ name, value, secret, isGiven, source, description }) => (
      <tr>
        <th scope="row" class="name">
          {name}
        </th>
        <td class="name">
          {value ?? <span class="quiet">{secret && isGiven ? 'given, not shown' : 'none'}</span>}
        </td>
        <td>{FROM[source]}</td>
        <td class="small quiet">{description}</td>
      </tr>
    ))}
  </Table>
);

const Environments: FC<{ readonly items: readonly EnvironmentAnswer[] }> = ({ items }) => (
  <section class="panel" aria-labelledby="environments">
    <h2 id="environments">Environments</h2>
    <Table columns={['Name', 'Declared', ACTIONS]}>
      {items.map(({ name, createdAt }) => (
        <tr>
          <th scope="row" class="name">
            {name}
          </th>
          <td>
            <Moment at={createdAt} />
          </td>
          <td>
            <Allowed to="admin">
              <form method="post" action={`/system/environments/${segment(name)}/delete`}>
                <ConfirmedButton
                  id={`delete_${name}`}
                  text="Delete"
                  label={`Delete the environment ${name}`}
                  consequence="No route, client or secret can name it any more. Only an empty one can be deleted: while one of them does, nothing happens."
                  submit={`Delete ${name}`}
                  look="danger"
                />
              </form>
            </Allowed>
          </td>
        </tr>
      ))}
    </Table>
    <Allowed to="admin">
      <form method="post" action="/system/environments" class="row">
        <label>
          New environment
          <input
            name="name"
            required
            pattern="[a-z][a-z0-9\-]{0,62}"
            title={'A small letter, then small letters, digits or "-"'}
          />
        </label>
        <button type="submit">Declare</button>
      </form>
    </Allowed>
  </section>
);

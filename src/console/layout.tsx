import type { Child, FC } from 'hono/jsx';
import type { AlertCountsAnswer } from '../core/index.js';
import { RoleOfVisitor } from './allowed.js';
import type { ConsoleContext, Visitor } from './console-environment.js';
import { assetPath } from './serve-assets.js';

/** In groups: keys and their ways; what happens to them; who, and where. */
const MENU = [
  [
    ['/', 'Overview'],
    ['/secrets', 'Secrets'],
    ['/cutovers', 'Cutovers'],
    ['/rotations', 'Rotations'],
    ['/routes', 'Routes'],
    ['/clients', 'Clients'],
  ],
  [
    ['/alerts', 'Alerts'],
    ['/channels', 'Channels'],
    ['/audit', 'Audit'],
  ],
  [
    ['/admins', 'Admins'],
    ['/system', 'System'],
  ],
] as const;

/** No inline style or script, no evaluation of text: what the policy of the pages forbids is not tried either. */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
});

interface DocumentProps {
  readonly title: string;
  /** Whether it has any: they have style sheets and scripts of their own. */
  readonly charts?: boolean;
  readonly children?: Child;
}

const Document: FC<DocumentProps> = ({ title, charts = false, children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="htmx-config" content={HTMX_CONFIG} />
      <title>{`${title} · Keyferry`}</title>
      <link rel="icon" href={assetPath('icon.svg')} type="image/svg+xml" />
      <link rel="stylesheet" href={assetPath('pico.css')} />
      {charts && <link rel="stylesheet" href={assetPath('uplot.css')} />}
      <link rel="stylesheet" href={assetPath('console.css')} />
      {charts && <link rel="stylesheet" href={assetPath('charts.css')} />}
      <script src={assetPath('htmx.js')} defer />
      {charts && <script src={assetPath('uplot.js')} defer />}
      <script src={assetPath('console.js')} defer />
      {charts && <script src={assetPath('charts.js')} defer />}
    </head>
    <body>{children}</body>
  </html>
);

export interface PageProps extends DocumentProps {
  readonly visitor: Visitor;
  /** The path of the request: its part of the menu is marked. */
  readonly path: string;
  /** Alerts that are open; null where it is not known. */
  readonly openAlerts: number | null;
  /** Where this page is below its part of the menu. */
  readonly crumbs?: readonly (readonly [href: string, text: string])[];
  /** Beside the title. */
  readonly actions?: Child;
}

const Page: FC<PageProps> = (props) => {
  const { title, charts, visitor, path, openAlerts, crumbs = [], actions, children } = props;
  const { admin } = visitor.session;
  return (
    <Document title={title} {...(charts === undefined ? {} : { charts })}>
      <a class="skip" href="#main_content">
        Skip to the content
      </a>
      <div class="frame">
        <header class="bar">
          <Brand />
          <OpenAlerts count={openAlerts} />
          <button type="button" class="secondary" popovertarget="main_menu">
            Menu
          </button>
        </header>
        <nav class="menu" id="main_menu" popover="auto" aria-label="Main">
          <Brand />
          {MENU.map((group) => (
            <ul>
              {group.map(([href, text]) => (
                <li>
                  <a href={href} {...(isAt(path, href) ? { 'aria-current': 'page' } : {})}>
                    {text}
                    {href === '/alerts' && <Count of={openAlerts} />}
                  </a>
                </li>
              ))}
            </ul>
          ))}
          <footer>
            <div>
              <span class="name">{admin.name}</span> <span>({admin.role})</span>
            </div>
            <form method="post" action="/sign-out">
              <button class="link" type="submit">
                Sign out
              </button>
            </form>
          </footer>
        </nav>
        <main class="page" id="main_content">
          <header>
            {crumbs.length > 0 && (
              <nav class="crumbs" aria-label="Where you are">
                {crumbs.map(([href, text]) => (
                  <>
                    <a href={href}>{text}</a>
                    {' / '}
                  </>
                ))}
              </nav>
            )}
            <h1>{title}</h1>
            {actions !== undefined && <div class="actions">{actions}</div>}
          </header>
          {children}
        </main>
        <p id="said_last" class="unseen" role="status" />
      </div>
    </Document>
  );
};

const Brand: FC = () => (
  <a class="brand" href="/">
    <img src={assetPath('icon.svg')} alt="" />
    Keyferry
  </a>
);

/** Beside the button of the menu, which is closed on a phone. */
const OpenAlerts: FC<{ readonly count: number | null }> = ({ count }) =>
  count === null || count === 0 ? null : (
    <a href="/alerts">
      Alerts <Count of={count} />
    </a>
  );

const Count: FC<{ readonly of: number | null }> = ({ of: count }) =>
  count === null || count === 0 ? null : (
    <span class="mark bad">
      {count}
      <span class="unseen"> open</span>
    </span>
  );

/** A page for somebody who is signed in. */
export async function renderPage(
  context: ConsoleContext,
  props: Omit<PageProps, 'visitor' | 'path' | 'openAlerts'> & { readonly openAlerts?: number },
  status: 200 | 400 | 403 | 404 | 409 | 422 | 500 | 503 = 200,
): Promise<Response> {
  const visitor = context.get('visitor');
  const openAlerts = props.openAlerts ?? (await countOpenAlerts(visitor));
  const page = (
    <RoleOfVisitor value={visitor.session.admin.role}>
      <Page {...props} visitor={visitor} path={context.req.path} openAlerts={openAlerts} />
    </RoleOfVisitor>
  );
  return context.html(`<!doctype html>${page.toString()}`, status);
}

/** A part of a page that asks for itself anew. */
export function renderPart(context: ConsoleContext, part: Child): Response | Promise<Response> {
  const { role } = context.get('visitor').session.admin;
  return context.html(<RoleOfVisitor value={role}>{part}</RoleOfVisitor>);
}

/** A page for somebody who is not. */
export function renderBare(
  context: ConsoleContext,
  props: DocumentProps,
  status: 200 | 400 | 401 | 403 | 429 | 500 | 503 = 200,
): Response | Promise<Response> {
  const { children, ...rest } = props;
  const page = (
    <Document {...rest}>
      <main class="centred">{children}</main>
    </Document>
  );
  return context.html(`<!doctype html>${page.toString()}`, status);
}

async function countOpenAlerts({ api }: Visitor): Promise<number | null> {
  try {
    return (await api.get<AlertCountsAnswer>('/v1/alerts/counts')).total;
  } catch {
    return null;
  }
}

function isAt(path: string, href: string): boolean {
  return href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
}

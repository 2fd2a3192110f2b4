import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Option } from 'commander';
import type { AppliedAnswer, RoutesAnswer, ValidationAnswer } from '../core/index.js';
import {
  effectiveRoute,
  type Problem,
  placedTemplates,
  type Route,
  type RoutesDocument,
} from '../core/index.js';
import { addCommand, addNoun, type Registry, type Session, wholeNumber } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { nextSteps } from './next-steps.js';
import { addReplaceSecret } from './replace-secret.js';
import { addRevisions } from './revisions.js';
import { addTryRoute } from './try-route.js';

interface ApplyOptions {
  readonly allowMissing?: boolean;
  readonly ifRevision?: number;
}

/** `keyferry routes validate|apply|show|try|revisions|compare|restore|replace-secret`. */
export function addRoutes(registry: Registry): void {
  const noun = addNoun(registry, 'routes', 'check, apply, show and restore routes');
  addCommand<{ readonly offline?: boolean; readonly allowMissing?: boolean }>(noun, {
    usage: 'validate <file>',
    summary: 'check a routes document (- is standard input) and change nothing',
    example: 'routes validate routes.json',
    options: [
      new Option('--offline', 'check the document alone, without a server and its secrets'),
      new Option('--allow-missing', 'a secret without a value is no error'),
    ],
    act: validate,
  });
  addCommand<ApplyOptions>(noun, {
    usage: 'apply <file>',
    summary: 'put a routes document (- is standard input) to use; a bad one changes nothing',
    example: 'routes apply routes.json',
    options: [
      new Option('--allow-missing', 'although a secret has no value (requests to it will fail)'),
      wholeNumber('--if-revision <number>', 'only if this revision is still the one in use', 0),
    ],
    act: apply,
  });
  addCommand<{ readonly revision?: number; readonly document?: boolean }>(noun, {
    usage: 'show',
    summary: 'show the routes in use',
    example: 'routes show --document > routes.json',
    options: [
      wholeNumber('--revision <number>', 'show this revision instead'),
      new Option('--document', 'print the document itself, to edit and apply again'),
    ],
    act: show,
  });
  addTryRoute(noun);
  addRevisions(noun);
  addReplaceSecret(noun);
}

async function validate(
  session: Session,
  options: { readonly offline?: boolean; readonly allowMissing?: boolean },
  file: string,
): Promise<ExitCode> {
  const { terminal, json } = session;
  const { document, warnings } = await readRoutesFile(session, file);
  let answer: ValidationAnswer = { valid: true, problems: [], warnings };
  if (options.offline !== true) {
    const query = { allowMissing: options.allowMissing };
    answer = await session.api().post('/v1/routes/validate', document, { query });
  }
  if (json) {
    terminal.json(answer);
    return answer.valid ? 0 : 2;
  }
  warn(session, answer.warnings);
  if (!answer.valid) {
    throw new CommandFailure(`${nameOf(file)} cannot be applied`, {
      exitCode: 2,
      problems: answer.problems,
      hints: nextSteps('routes_invalid'),
    });
  }
  terminal.print(`✓ ${nameOf(file)} is valid: ${count(document.routes.length)}.`);
  terminal.hint(
    options.offline === true
      ? `Its secrets were not looked up; with a server: keyferry routes validate ${file}`
      : `Use it: keyferry routes apply ${file}`,
  );
  return 0;
}

async function apply(session: Session, options: ApplyOptions, file: string): Promise<void> {
  const { terminal, json } = session;
  const { document } = await readRoutesFile(session, file);
  const answer = await session.api().put<AppliedAnswer>('/v1/routes', document, {
    query: { allowMissing: options.allowMissing },
    headers: options.ifRevision === undefined ? {} : { 'if-match': `"${options.ifRevision}"` },
  });
  if (json) return terminal.json(answer);
  warn(session, answer.warnings);
  terminal.print(`Revision ${answer.revision} is in use: ${count(document.routes.length)}.`);
  if (answer.revision > 1) {
    terminal.hint(`See what changed: keyferry routes compare ${answer.revision - 1}`);
    terminal.hint(`Go back: keyferry routes restore ${answer.revision - 1}`);
  } else {
    const environment = Object.keys(document.routes[0]?.environments ?? {})[0] ?? 'production';
    terminal.hint(`Let an app use them: keyferry clients create NAME --environment ${environment}`);
  }
}

async function show(
  { api, json, terminal }: Session,
  { revision, document: documentOnly }: { readonly revision?: number; readonly document?: boolean },
): Promise<void> {
  const path = revision === undefined ? '/v1/routes' : `/v1/routes/revisions/${revision}`;
  const answer = await api().get<RoutesAnswer>(path);
  const { document } = answer;
  if (documentOnly === true) return terminal.json(document);
  if (json) return terminal.json(answer);
  if (document.routes.length === 0) {
    terminal.print('No routes.');
    return terminal.hint('Apply some: keyferry routes apply routes.json');
  }
  terminal.table(
    [
      { title: 'ROUTE', shrinks: true },
      { title: 'MATCHES', shrinks: true },
      { title: 'ENVIRONMENT', shrinks: true },
      { title: 'UPSTREAM', shrinks: true },
      { title: 'INJECTS', shrinks: true },
    ],
    document.routes.flatMap((route) =>
      Object.entries(route.environments).map(([environment, own]) => [
        route.name,
        describeMatch(route.match),
        environment,
        own.upstream,
        injected(route, environment),
      ]),
    ),
  );
  terminal.hint(
    `Revision ${answer.revision}. The document itself: keyferry routes show --document`,
  );
}

/** What a request gets in this environment, by name. */
function injected(route: Route, environment: string): string {
  const effective = effectiveRoute(route, environment);
  const names = effective === undefined ? [] : placedTemplates(effective).map(({ name }) => name);
  return [...new Set(names)].join(', ') || '–';
}

/** Reads and checks a routes file here, where line and column of a mistake are known. */
async function readRoutesFile(
  session: Session,
  file: string,
): Promise<{ document: RoutesDocument; warnings: readonly Problem[] }> {
  const name = nameOf(file);
  let source: string;
  try {
    source =
      file === '-'
        ? await text(session.terminal.stdin)
        : await readFile(file, { encoding: 'utf8' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(`${name} cannot be read (${code})`);
  }
  const { document, problems, warnings } = await session.ports.readRoutes(source, name);
  if (document === undefined) {
    throw new CommandFailure(`${name} is not a valid routes document`, { problems });
  }
  return { document, warnings };
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function warn({ terminal }: Session, warnings: readonly Problem[]): void {
  for (const { path, message } of warnings) terminal.warn(`${path}: ${message}`);
}

function describeMatch({
  host,
  pathPrefix,
  methods,
}: RoutesDocument['routes'][number]['match']): string {
  return [methods?.join(','), `${host ?? ''}${pathPrefix ?? '/'}`].filter(Boolean).join(' ');
}

function count(routes: number): string {
  return routes === 1 ? '1 route' : `${routes} routes`;
}

import { Option } from 'commander';
import type { TryRouteAnswer } from '../core/index.js';
import {
  addCommand,
  environmentOption,
  parseWholeNumber,
  type Registry,
  repeated,
  type Session,
} from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { type ConfirmOptions, confirm, yesOption } from './confirm.js';
import { nextSteps } from './next-steps.js';
import { readTextFile } from './read-text-file.js';

interface TryOptions extends ConfirmOptions {
  readonly environment: string;
  readonly method?: string;
  readonly path?: string;
  readonly header?: readonly string[];
  readonly bodyFile?: string;
  readonly with?: string;
}

/** Methods that change nothing at the upstream (RFC 9110 section 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** `keyferry routes try`. */
export function addTryRoute(routes: Registry): void {
  addCommand<TryOptions>(routes, {
    usage: 'try <route>',
    summary: 'send one request through a route and see what was sent, values redacted',
    example: 'routes try stripe --environment production --path /stripe/v1/charges?limit=1',
    notes: [
      'The request is real. It counts as no use of a version, and is in the audit log.',
      'Exits with 0 where the upstream answered with a status below 400, else with 2.',
    ],
    options: [
      environmentOption('the environment whose upstream and values it gets'),
      new Option('--method <method>', 'GET (default), HEAD, OPTIONS, POST, PUT, PATCH or DELETE'),
      new Option('--path <path>', 'as an app writes it: with the prefix of the route'),
      repeated('--header <name: value>', 'a header; may be given several times'),
      new Option('--body-file <file>', 'what to send as body (- is standard input)'),
      new Option('--with <secret@version>', 'place this version in place of the one in use'),
      yesOption(),
    ],
    act: tryRoute,
  });
}

async function tryRoute(
  session: Session,
  { environment, path, header, bodyFile, with: version, ...options }: TryOptions,
  route: string,
): Promise<ExitCode> {
  const { json, terminal } = session;
  const method = options.method?.toUpperCase() ?? 'GET';
  const body =
    bodyFile === undefined ? undefined : await readTextFile(bodyFile, 'the body', terminal);
  if (!SAFE.has(method)) {
    const question = `This sends a real ${method} with the values of ${environment} to the upstream of ${route}. Send it?`;
    await confirm(session, options, question);
  }
  const answer = await session
    .api()
    .post<TryRouteAnswer>(
      `/v1/routes/${encodeURIComponent(route)}/environments/${encodeURIComponent(environment)}/try`,
      {
        method,
        path,
        headers: header === undefined ? undefined : Object.fromEntries(header.map(readHeader)),
        body,
        with: version === undefined ? undefined : readVersion(version),
      },
    );
  if (json) terminal.json(answer);
  else print(session, answer);
  return answer.status !== null && answer.status < 400 && answer.code === null ? 0 : 2;
}

function print({ terminal }: Session, answer: TryRouteAnswer): void {
  const { sent, status, response, code, detail, echoed } = answer;
  if (sent === null) {
    terminal.print('Nothing was sent.');
  } else {
    terminal.print(`> ${answer.method} ${sent.url}`);
    for (const { name, by, value } of sent.headers) {
      terminal.print(`> ${name}: ${value ?? (by === 'request' ? '(yours)' : '(set)')}`);
    }
    for (const { name, value } of sent.fields) terminal.print(`> body ${name}: ${value}`);
    if (sent.removed.length > 0) terminal.hint(`Did not go on: ${sent.removed.join(', ')}`);
    terminal.print();
  }
  const took = `${Math.round(answer.durationMs)} ms`;
  terminal.print(status === null ? `No answer (${code}), ${took}` : `< ${status} in ${took}`);
  for (const { name, value } of response?.headers ?? []) terminal.print(`< ${name}: ${value}`);
  if (response?.body) terminal.print(`\n${response.body}`);
  if (response?.isCut) terminal.hint('The body is cut here.');
  if (response?.withheld)
    terminal.warn(`the body is not shown: ${WHY_WITHHELD[response.withheld]}`);
  if (echoed.length > 0) {
    terminal.warn(`the response held the value of ${echoed.join(', ')}, masked here`);
  }
  if (detail !== null) terminal.warn(detail);
  for (const step of code === null ? [] : nextSteps(code)) terminal.hint(step);
}

type Withheld = NonNullable<NonNullable<TryRouteAnswer['response']>['withheld']>;

const WHY_WITHHELD: Readonly<Record<Withheld, string>> = {
  short_value: 'the route places a value that is too short to be searched for',
  encoded: 'its Content-Encoding cannot be searched for values',
  not_text: 'it is no text in UTF-8',
};

function readHeader(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon > 0) return [text.slice(0, colon), text.slice(colon + 1).trim()];
  throw new CommandFailure(
    '--header takes a name, a colon and a value: --header "Accept: text/csv"',
  );
}

function readVersion(text: string): { secret: string; version: number } {
  const at = text.lastIndexOf('@');
  if (at < 1) throw new CommandFailure('--with takes a secret and a version: --with api_key@4');
  const version = parseWholeNumber(text.slice(at + 1), 'the version of --with');
  return { secret: text.slice(0, at), version };
}

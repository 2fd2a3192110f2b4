import { Option } from 'commander';
import type { VersionAnswer } from '../core/index.js';
import {
  addCommand,
  environmentOption,
  parseWholeNumber,
  type Registry,
  type Session,
} from './command.js';
import type { ExitCode } from './command-failure.js';
import { versionsPath } from './send-value.js';

interface TestOptions {
  readonly environment: string;
  readonly route?: string;
  readonly method?: string;
  readonly path?: string;
}

/** What came of one request with a version. */
interface TestAnswer {
  readonly version: number;
  readonly state: VersionAnswer['state'];
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly outcome: 'accepted' | 'refused' | 'failed' | 'unclear';
  readonly injected: readonly string[];
  readonly code: string | null;
  readonly detail: string | null;
  readonly durationMs: number;
}

/** `keyferry versions test`. */
export function addTestVersion(versions: Registry): void {
  addCommand<TestOptions>(versions, {
    usage: 'test <secret> <version>',
    summary: 'try a version with one request to the upstream, before any app has it',
    example: 'versions test stripe_api_key 2 --environment production --path /v1/account',
    notes: [
      'Exits with 0 where the upstream accepted it, else with 2. It counts as no use of the version.',
    ],
    options: [
      environmentOption(),
      new Option('--route <name>', 'the route to try it on, where several place the secret'),
      new Option('--method <method>', 'GET, HEAD, OPTIONS or POST (default: as the route says)'),
      new Option('--path <path>', 'path at the upstream (default: that of the route\'s "probe")'),
    ],
    act: testVersion,
  });
}

async function testVersion(
  { api, json, terminal }: Session,
  { environment, route, method, path }: TestOptions,
  secret: string,
  text: string,
): Promise<ExitCode> {
  const version = parseWholeNumber(text, 'the version');
  const answer = await api().post<TestAnswer>(
    `${versionsPath(secret, environment)}/${version}/test`,
    { route, method, path },
  );
  const { outcome, status, detail, injected } = answer;
  const exitCode = outcome === 'accepted' ? 0 : 2;
  if (json) {
    terminal.json(answer);
    return exitCode;
  }
  const sent = `${answer.method} ${answer.path} on route ${answer.route}`;
  const came =
    status === null
      ? `no answer (${answer.code ?? 'unknown'})`
      : `status ${status} in ${Math.round(answer.durationMs)} ms`;
  const subject = `Version ${version} of ${secret} in ${environment}`;
  terminal.print(`${subject}: ${VERDICTS[outcome]}. ${sent}: ${came}.`);
  if (injected.length > 0) terminal.print(`Injected: ${injected.join(', ')}`);
  if (detail !== null) terminal.warn(detail);
  if (outcome === 'accepted' && answer.state === 'staged') {
    terminal.hint(
      `Move to it step by step: keyferry cutover start ${secret} --environment ${environment} --to-version ${version}`,
    );
  } else if (outcome === 'unclear') {
    terminal.hint('Name a request that needs the credential: --path, or "probe" on the route.');
  }
  return exitCode;
}

const VERDICTS: Readonly<Record<TestAnswer['outcome'], string>> = {
  accepted: 'accepted',
  refused: 'refused',
  failed: 'failed',
  unclear: 'unclear, that status says nothing about the credential',
};

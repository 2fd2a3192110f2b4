import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Route } from '../../src/core/index.js';
import { isInstalled, runProgram } from '../support/run-program.js';
import { startKeyferry } from '../support/start-keyferry.js';
import { type Answer, sendAnswer, startUpstream } from '../support/start-upstream.js';
import { ANTHROPIC_TEXT, answerAsAnthropic } from './upstreams/anthropic.js';
import { answerAsGit } from './upstreams/git.js';
import { answerAsGitHub } from './upstreams/github.js';
import { answerAsOpenAi, OPENAI_TEXT } from './upstreams/openai.js';
import { answerAsStripe } from './upstreams/stripe.js';

const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url));

/** What each secret of examples/routes.json holds here. */
const keyOf = (secret: string): string => `real-${secret}-5b1e`;
const basicOf = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${keyOf(user)}:${keyOf(password)}`).toString('base64')}`;

const answerAsSendGrid: Answer = ({ headers, method, target }, response) => {
  if (headers.authorization !== `Bearer ${keyOf('sendgrid_api_key')}`) {
    const errors = [{ message: 'The provided authorization grant is invalid', field: null }];
    return sendAnswer(response, { status: 401, body: { errors } });
  }
  const isSend = `${method} ${target}` === 'POST /v3/mail/send';
  sendAnswer(response, { status: isSend ? 202 : 404, headers: { 'x-message-id': 'm1' } });
};

const answerAsTwilio: Answer = ({ headers, body }, response) => {
  if (headers.authorization !== basicOf('twilio_account_sid', 'twilio_auth_token')) {
    return sendAnswer(response, { status: 401, body: { code: 20003, message: 'Authenticate' } });
  }
  const to = new URLSearchParams(body.toString()).get('To');
  sendAnswer(response, { status: 201, body: { sid: 'SM1', status: 'queued', to } });
};

const answerAsGoogleMaps: Answer = ({ url }, response) => {
  const { searchParams, pathname } = url;
  const ok =
    searchParams.getAll('key').join() === keyOf('google_maps_api_key') &&
    pathname === '/maps/api/geocode/json';
  const results = ok ? [{ formatted_address: searchParams.get('address') }] : [];
  const body = { status: ok ? 'OK' : 'REQUEST_DENIED', results };
  sendAnswer(response, { status: ok ? 200 : 403, body });
};

/** An upstream for each route of examples/routes.json. */
async function upstreamsByRoute(): Promise<Readonly<Record<string, string>>> {
  const folder = await mkdtemp(join(tmpdir(), 'keyferry-examples-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const answers: Record<string, Answer> = {
    anthropic: answerAsAnthropic(keyOf('anthropic_api_key')),
    stripe: answerAsStripe(keyOf('stripe_api_key')),
    github: answerAsGitHub(keyOf('github_token')),
    git: answerAsGit(folder, keyOf('github_user'), keyOf('github_token')),
    sendgrid: answerAsSendGrid,
    twilio: answerAsTwilio,
    'google-maps': answerAsGoogleMaps,
  };
  const openai = await startUpstream(answerAsOpenAi(keyOf('openai_api_key')));
  const realtime = new WebSocketServer({
    server: openai.server,
    verifyClient: ({ req }: { req: IncomingMessage }) =>
      req.url === '/v1/realtime?model=gpt-realtime' &&
      req.headers.authorization === `Bearer ${keyOf('openai_api_key')}`,
  });
  realtime.on('connection', (socket) => socket.send('{"type":"session.created"}'));
  const origins: Record<string, string> = { openai: openai.origin };
  for (const [route, answer] of Object.entries(answers)) {
    origins[route] = (await startUpstream(answer)).origin;
  }
  if (isInstalled('git')) await makeRepository(folder);
  return origins;
}

async function makeRepository(folder: string): Promise<void> {
  const git = (...args: string[]) => runProgram('git', ['-C', folder, ...args]);
  await mkdir(join(folder, 'octocat'));
  await git('init', '-q', '--bare', '-b', 'main', 'octocat/Hello-World.git');
  await git('init', '-q', '-b', 'main', 'seed');
  const author = ['-c', 'user.name=A', '-c', 'user.email=a@example.com'];
  await git('-C', 'seed', ...author, 'commit', '-q', '--allow-empty', '-m', 'first');
  await git('-C', 'seed', 'push', '-q', join(folder, 'octocat', 'Hello-World.git'), 'main');
}

/** The routes as the file has them, but with each upstream here. */
async function start() {
  const origins = await upstreamsByRoute();
  const text = await readFile(join(FOLDER, 'routes.json'), 'utf8');
  const { routes } = JSON.parse(text) as { routes: Route[] };
  const keyferry = await startKeyferry({ '--drain-timeout-ms': '0' });
  const secrets = new Set(
    [...text.matchAll(/<<\w+:([\w,]+)>>/g)].flatMap(([, names]) => names?.split(',') ?? []),
  );
  for (const secret of secrets) await keyferry.secret(secret, { production: keyOf(secret) });
  await keyferry.routes(
    routes.map((route) => ({
      ...route,
      environments: {
        production: { upstream: origins[route.name] ?? '', allowPrivateNetwork: true },
      },
    })),
  );
  const env = { PROXY_URL: keyferry.proxyUrl, CLIENT_TOKEN: await keyferry.client('production') };
  return (file: string) => {
    const program = file.endsWith('.sh') ? '/bin/sh' : process.execPath;
    return runProgram(program, [join(FOLDER, file)], { env });
  };
}

const EXPECTED: Readonly<Record<string, string | RegExp>> = {
  'anthropic.js': `${ANTHROPIC_TEXT}\n(end_turn)\n`,
  'axios.js': 'mail accepted (202)\n',
  'curl.sh': /"id":"cus_new".*"email":"ada@example\.com"/,
  'fetch.js': '10 Downing Street, London\n',
  'git.sh': /^[0-9a-f]{40}\trefs\/heads\/main\n$/,
  'got.js': 'message SM1 is queued\n',
  'octokit.js': 'signed in as octocat\none\ntwo\nthree\nfour\nfive\n',
  'openai.js': `${OPENAI_TEXT}\n`,
  'stripe.js': 'created cus_new\n',
  'ws.js': 'session.created\n',
};

const runnable = (file: string): boolean =>
  file.endsWith('.js') || isInstalled(file.replace(/\.sh$/, ''));

describe('examples/', () => {
  it('runs, each of them, with nothing but proxy URL and client token', async () => {
    const run = await start();
    const files = Object.keys(EXPECTED).filter(runnable);
    for (const file of files) {
      const { code, stdout, stderr } = await run(file);
      expect({ file, code, stderr }).toEqual({ file, code: 0, stderr: '' });
      const expected = EXPECTED[file] ?? '';
      if (typeof expected === 'string')
        expect({ file, stdout }).toEqual({ file, stdout: expected });
      else expect(stdout).toMatch(expected);
    }
  });

  it('has no file that is not run, and none that the README does not name', async () => {
    const programs = (await readdir(FOLDER)).filter((file) => /\.(?:js|sh)$/.test(file));
    expect(programs.sort()).toEqual(Object.keys(EXPECTED).sort());
    const readme = await readFile(join(FOLDER, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, file]) => file);
    expect(named.sort()).toEqual(programs);
  });

  it('differs from a program without Keyferry in two lines', async () => {
    for (const file of Object.keys(EXPECTED).filter((name) => name.endsWith('.js'))) {
      const text = await readFile(join(FOLDER, file), 'utf8');
      expect({ file, changed: text.match(/\/\/ was: /g)?.length }).toEqual({ file, changed: 2 });
    }
  });
});

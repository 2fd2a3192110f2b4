import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { createOutbound } from '../../src/proxy/index.js';
import { configProblems, createCommandProvider, ProviderError } from '../../src/rotation/index.js';

/** A command folder with a program, and a place beside it. */
function place(script: string) {
  const root = mkdtempSync(join(tmpdir(), 'keyferry-programs-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const [folder, outside] = [join(root, 'programs'), join(root, 'outside')];
  for (const each of [folder, outside]) mkdirSync(each, { mode: 0o755 });
  const write = (file: string, mode = 0o755): string => {
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, mode);
    return file;
  };
  return { root, folder, outside, write, program: write(join(folder, 'rotate')) };
}

const OK = `cat >/dev/null; echo '{"ok":true}'`;

function callOf(provider: ReturnType<typeof createCommandProvider>, config: object) {
  return {
    config: provider.config.parse(config),
    credentials: new Map([['credentials.token', SecretValue.fromText('canary-credential')]]),
    current: SecretValue.fromText('canary-current'),
    secret: 'key',
    environment: 'production',
    outbound: createOutbound(),
    clock: Date,
    signal: AbortSignal.timeout(20_000),
  };
}

async function check(folder: string | undefined, executable: string, config = {}) {
  const provider = createCommandProvider(folder);
  const [finding] = await provider.check(callOf(provider, { executable, ...config }));
  return finding;
}

/** The error of a minting. */
async function failure(folder: string, executable: string, config = {}, signal?: AbortSignal) {
  const provider = createCommandProvider(folder);
  const call = { ...callOf(provider, { executable, ...config }), stepId: 'step', keyIds: null };
  const minting = { ...call, material: undefined, oldKeyId: null };
  const error = await provider
    .mint(signal === undefined ? minting : { ...minting, signal })
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof ProviderError)) throw error;
  expect(`${error.message} ${error.whatToDo}`).not.toContain('canary');
  return error;
}

test('without a command folder there are no commands', () => {
  const { config } = createCommandProvider(undefined);
  const problems = configProblems(config, { executable: '/bin/sh' });
  expect(problems).toMatchObject([{ path: 'executable' }]);
  expect(problems[0]?.message).toContain('--command-folder');
});

test('no config names a program elsewhere', () => {
  const { folder, outside } = place(OK);
  const { config } = createCommandProvider(folder);
  for (const executable of [
    '/bin/sh',
    'rotate',
    './rotate',
    folder,
    `${folder}/`,
    `${folder}/../outside/rotate`,
    `${folder}/a/../rotate`,
    `${folder}/./rotate`,
    `${folder}-more/rotate`,
    `${outside}/rotate`,
    `${folder}/rotate\0`,
  ]) {
    expect(configProblems(config, { executable }), executable).toHaveLength(1);
  }
  expect(configProblems(config, { executable: join(folder, 'rotate') })).toEqual([]);
});

test('a program that only lists its keys must be able to revoke them', () => {
  const { folder, program } = place(OK);
  const { config } = createCommandProvider(folder);
  const listing = { executable: program, recovery: 'list' };
  expect(configProblems(config, listing)).toEqual([]);
  expect(configProblems(config, { ...listing, actions: ['check'] })).toMatchObject([
    { path: 'actions' },
  ]);
});

test('what lies in the folder is run only where nobody else can have put it there', async () => {
  const { root, folder, outside, write, program } = place(OK);
  expect(await check(folder, program)).toMatchObject({ ok: true });
  const refused = async (executable: string, expected: RegExp) => {
    const finding = await check(folder, executable);
    expect(finding).toMatchObject({ ok: false, detail: expect.stringMatching(expected) });
  };
  symlinkSync(write(join(outside, 'other')), join(folder, 'link'));
  await refused(join(folder, 'link'), /outside/);
  symlinkSync('/bin', join(folder, 'bin'));
  await refused(join(folder, 'bin/sh'), /outside/);
  await refused(write(join(folder, 'group'), 0o775), /chmod/);
  await refused(write(join(folder, 'all'), 0o757), /chmod/);
  await refused(join(folder, 'nothing'), /not there/);
  mkdirSync(join(folder, 'sub'), { mode: 0o755 });
  await refused(join(folder, 'sub'), /no file/);
  const inner = write(join(folder, 'sub/rotate'));
  expect(await check(folder, inner)).toMatchObject({ ok: true });
  chmodSync(join(folder, 'sub'), 0o777);
  await refused(inner, /folder above/);
  chmodSync(folder, 0o777);
  await refused(program, /folder above/);
  chmodSync(folder, 0o755);
  chmodSync(root, 0o777);
  await refused(program, /folder above/);
  chmodSync(root, 0o755);
  // A link within the folder leads nowhere else; the folder itself may be one.
  symlinkSync(program, join(folder, 'alias'));
  expect(await check(folder, join(folder, 'alias'))).toMatchObject({ ok: true });
  renameSync(folder, join(root, 'moved'));
  symlinkSync(join(root, 'moved'), folder);
  expect(await check(folder, program)).toMatchObject({ ok: true });
});

test.skipIf(process.getuid?.() !== 0)('a program of another user is not run', async () => {
  const { folder, program } = place(OK);
  execFileSync('chown', ['12345', program]);
  expect(await check(folder, program)).toMatchObject({ ok: false });
});

test('values reach a program by standard input alone, and of the environment it gets next to nothing', async () => {
  const { folder, program } = place(
    `cat >"$0.input"; env >"$0.environment"; printf '%s\\n' "$@" >"$0.arguments"; echo '{"ok":true}'`,
  );
  process.env.KEYFERRY_CANARY = 'canary-variable';
  onTestFinished(() => void delete process.env.KEYFERRY_CANARY);
  const args = ['--of', 'a b', '; touch /tmp/never', '$(touch /tmp/never)', '*'];
  const config = { args, credentials: { token: 'secret_name' }, settings: { a: 1 } };
  expect(await check(folder, program, config)).toMatchObject({ ok: true });
  const read = (what: string): string => readFileSync(`${program}.${what}`, 'utf8');
  expect(JSON.parse(read('input'))).toEqual({
    version: 1,
    action: 'check',
    secret: 'key',
    environment: 'production',
    settings: { a: 1 },
    credentials: { token: 'canary-credential' },
  });
  expect(read('arguments')).toBe(`${args.join('\n')}\n`);
  const names = read('environment')
    .split('\n')
    .map((line) => line.split('=')[0] ?? '');
  const allowed = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
  // What a shell sets by itself.
  expect(
    names.filter((name) => ![...allowed, 'PWD', 'OLDPWD', 'SHLVL', '_', ''].includes(name)),
  ).toEqual([]);
  expect(existsSync('/tmp/never')).toBe(false);
});

test('a program that does not end is killed with all that it has started', async () => {
  const { folder, program } = place(`(sleep 2; touch "$0.survived") & sleep 60`);
  const failed = await failure(folder, program, {}, AbortSignal.timeout(1000));
  expect(failed.failure).toBe('unknown');
  const slow = await failure(folder, program, { timeoutSeconds: 1 });
  expect(slow).toMatchObject({ failure: 'unknown', message: expect.stringMatching(/1 s/) });
  // What goes on behind an answer ends with it.
  const behind = place(`cat >/dev/null; (sleep 1; touch "$0.survived") & echo '{"ok":true}'`);
  expect(await check(behind.folder, behind.program)).toMatchObject({ ok: true });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(existsSync(`${program}.survived`)).toBe(false);
  expect(existsSync(`${behind.program}.survived`)).toBe(false);
});

test.each([
  ['no JSON', 'echo canary', 'unknown'],
  ['nothing', 'true', 'unknown'],
  ['a list', `echo '["canary"]'`, 'unknown'],
  ['neither', `echo '{"canary":true}'`, 'unknown'],
  ['ok, and fails', `echo '{"ok":true,"value":"canary"}'; exit 3`, 'unknown'],
  ['ok, without a value', `echo '{"ok":true}'`, 'unknown'],
  ['a value that is none', `echo '{"ok":true,"value":{"a":"canary"}}'`, 'unknown'],
  ['the value in use', `echo '{"ok":true,"value":"canary-current"}'`, 'unknown'],
  ['an id that is none', `echo '{"ok":true,"value":"b","keyId":"can ary"}'`, 'unknown'],
  [
    'a credential of its own',
    `echo '{"ok":true,"value":"b","credentials":{"canary":"c"}}'`,
    'unknown',
  ],
  ['too much', 'yes canary', 'unknown'],
  ['a failure that is none', `echo '{"error":{"failure":"canary"}}'`, 'unknown'],
  ['a refusal', `echo '{"error":{"failure":"refused","message":"canary"}}'; exit 1`, 'refused'],
  ['a signal', 'kill -9 $$', 'unknown'],
])('a program that answers with %s is told in words of ours', async (_what, script, expected) => {
  const { folder, program } = place(`cat >/dev/null; echo canary >&2; ${script}`);
  expect((await failure(folder, program)).failure).toBe(expected);
});

test('a program that cannot be run has made nothing', async () => {
  const { folder, program } = place(OK);
  writeFileSync(program, '#!/no/such/interpreter\n');
  expect((await failure(folder, program)).failure).toBe('unavailable');
  expect((await failure(folder, program, {}, AbortSignal.abort())).failure).toBe('unavailable');
});

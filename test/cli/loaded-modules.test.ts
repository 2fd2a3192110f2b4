import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { temporaryDataDir } from '../support/serve-process.js';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { finish } from './run-script.js';

const BIN = fileURLToPath(new URL('../../bin/keyferry.js', import.meta.url));
const NOUN = /^cli\/(\w+)\.js$/;

let api: StandIn | undefined;
afterEach(() => api?.close());

/** Modules of a command that runs against a server: those of packages, files of `dist/`, and those of Node itself. */
async function modulesOf(argv: readonly string[]): Promise<string[]> {
  api = await startStandIn(() => ({ body: { items: [], nextCursor: null } }));
  const folder = temporaryDataDir();
  const list = join(folder, 'modules.txt');
  const hooks = `import { appendFileSync } from 'node:fs';
    export async function load(url, context, next) {
      appendFileSync(${JSON.stringify(list)}, url + '\\n');
      return next(url, context);
    }`;
  writeFileSync(join(folder, 'hooks.mjs'), hooks);
  const start = `import { appendFileSync } from 'node:fs';
    import { register } from 'node:module';
    register('./hooks.mjs', import.meta.url);
    process.on('exit', () => appendFileSync(${JSON.stringify(list)}, process.moduleLoadList.join('\\n')));`;
  writeFileSync(join(folder, 'start.mjs'), start);
  const child = spawn(process.execPath, ['--import', join(folder, 'start.mjs'), BIN, ...argv], {
    env: { PATH: process.env.PATH, ...api.environment },
  });
  expect(await finish(child)).toMatchObject({ exitCode: 0, stdout: 'No secrets.\n' });
  return readFileSync(list, 'utf8').split('\n');
}

/** What a file of `dist/program/` was put together from, as it says itself. */
const partsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^\/\/ dist\/(\S+)$/gm)].map((match) => match[1] ?? '');

test('a command that asks the server loads itself, and neither a server nor what it does not use', async () => {
  const modules = await modulesOf(['secrets', 'list']);
  const files = modules.filter(
    (name) => /^file:.*\/dist\//.test(name) && !/node_modules/.test(name),
  );
  const own = files.flatMap((url) => partsOf(fileURLToPath(url)));
  expect(own).toContain('cli/secrets.js');
  const rooms = new Set(own.map((name) => /^\w+/.exec(name)?.[0]));
  expect([...rooms].sort()).toEqual(['cli', 'command', 'core', 'main']);
  const nouns = own.flatMap((name) => NOUN.exec(name)?.[1] ?? []);
  for (const other of ['serve', 'rotation', 'notifications', 'import', 'completion']) {
    expect(nouns).not.toContain(other);
  }
  const packages = new Set(
    modules.flatMap((name) => /node_modules\/([^/]+)/.exec(name)?.[1] ?? []),
  );
  expect([...packages].sort()).toEqual(['commander', 'picocolors']);
  // `fetch` would load a whole client of its own.
  expect(modules.filter((name) => /deps\/undici/.test(name))).toEqual([]);
});

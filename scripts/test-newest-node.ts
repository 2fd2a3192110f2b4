/**
 * Runs the tests on the newest Node, whatever Node is installed: in a copy of the tree, because better-sqlite3 must
 * be compiled for that Node. The npm packages `node-<platform>-<arch>` carry the binary and its headers.
 * Arguments go to vitest; without any, every test runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'keyferry-newest-node-'));
const tree = join(scratch, 'tree');
let status = 1;
try {
  const version = execFileSync('npm', ['view', 'node', 'version'], { encoding: 'utf8' }).trim();
  const packageName = `node-${process.platform}-${process.arch}`;
  const at = ['--prefix', scratch, '--no-save', '--ignore-scripts'];
  execFileSync('npm', ['install', ...at, `${packageName}@${version}`], { stdio: 'inherit' });
  const nodeFolder = join(scratch, 'node_modules', packageName);

  for (const file of listFiles()) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    cpSync(join(root, file), join(tree, file));
  }
  const env = {
    ...process.env,
    PATH: `${join(nodeFolder, 'bin')}${delimiter}${process.env.PATH ?? ''}`,
    // Where node-gyp finds the headers, so that it need not download them.
    npm_config_nodedir: nodeFolder,
  };
  execFileSync('node', ['--version'], { cwd: tree, env, stdio: 'inherit' });
  execFileSync('npm', ['ci'], { cwd: tree, env, stdio: 'inherit' });
  execFileSync('npm', ['run', 'build'], { cwd: tree, env, stdio: 'inherit' });
  const tests = spawnSync('npx', ['vitest', 'run', ...process.argv.slice(2)], {
    cwd: tree,
    env,
    stdio: 'inherit',
  });
  status = tests.status ?? 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = status;

/** The files of the tree as they are now, committed or not; without what git ignores. */
function listFiles(): string[] {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const names = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  const deleted = execFileSync('git', ['ls-files', '--deleted', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  const gone = new Set(deleted.split('\0'));
  return names.filter((name) => name !== '' && !gone.has(name));
}

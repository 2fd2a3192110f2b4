import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/join-program.js', import.meta.url));

test('a build takes the place of the one before as a whole, and what did not change keeps its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-join-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'dist/store/sqlite'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const put = (name: string, text: string): void => writeFileSync(join(folder, 'dist', name), text);
  const run = (...argv: string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
      cwd: folder,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  };
  const joined = (): string[] => {
    run(SCRIPT);
    expect(readdirSync(join(folder, 'dist')).toSorted()).toEqual(
      ['early.js', 'late.js', 'main.js', 'program', 'store'].toSorted(),
    );
    return readdirSync(join(folder, 'dist/program')).toSorted();
  };
  put('store/sqlite/worker.js', 'console.log("a worker");');
  put('early.js', 'export const early = "early";');
  put('late.js', 'export const late = "late";');
  put(
    'main.js',
    'console.log((await import("./early.js")).early, (await import("./late.js")).late);',
  );
  const first = joined();
  expect(first).toHaveLength(4);
  expect(run('dist/program/main.js')).toBe('early late\n');
  expect(joined()).toEqual(first);

  // A build that was broken off.
  mkdirSync(join(folder, 'dist/program.next'));
  writeFileSync(join(folder, 'dist/program.next/chunk-OF-IT.js'), '');
  put('late.js', 'export const late = "later";');
  const second = joined();
  expect(second).toHaveLength(4);
  expect(second.filter((name) => first.includes(name))).toHaveLength(3);
  expect(run('dist/program/main.js')).toBe('early later\n');
});

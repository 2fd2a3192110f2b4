// Joins the modules of dist/ into dist/program/, which takes the place of the last one as a whole: no chunk of an earlier
// build stays. Works in the current folder.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const PROGRAM = 'dist/program';
const NEXT = 'dist/program.next';
const LAST = 'dist/program.last';

/** @param {string} folder */
const remove = (folder) => rmSync(folder, { recursive: true, force: true });

remove(NEXT);
await build({
  entryPoints: ['dist/main.js', 'dist/store/sqlite/worker.js'],
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  outdir: NEXT,
  entryNames: '[name]',
  logLevel: 'warning',
});
// What runs from it misses it for a moment, and later the chunks that have changed.
remove(LAST);
if (existsSync(PROGRAM)) renameSync(PROGRAM, LAST);
renameSync(NEXT, PROGRAM);
remove(LAST);

import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { PATIENCE_MS } from './test/support/patience.js';

/** They judge times, memory or goodput of a whole server: nothing else may run beside them. */
const ALONE = [
  'test/server/draining.test.ts',
  'test/proxy/{memory,timeouts}.test.ts',
  'test/security/{slow-clients-*,overload-*,large-answers-*,clients-that-leave-*,token-comparison-*}.test.ts',
  'test/security/{one-client-*,floods-*,http2-floods-*,failing-system-calls-*}.test.ts',
  'test/store/large-store.test.ts',
  'test/rotation/plan-many.test.ts',
];

// Tests import `src/…` and run `dist/…`: what is tested is what ships, worker threads included.
const resolve = {
  alias: [
    { find: /^(?:\.\.\/)+src\//, replacement: fileURLToPath(new URL('dist/', import.meta.url)) },
  ],
};

const EVERY_TEST = {
  pool: 'forks' as const,
  // Loaded by Node itself, as it is where it ships.
  server: { deps: { external: [/\/dist\//] } },
  // A busy machine makes no test fail: none of them takes a tenth of this on one that is not.
  testTimeout: 900_000,
  hookTimeout: 900_000,
  expect: { poll: { timeout: PATIENCE_MS } },
};

export default defineConfig({
  test: {
    // Here and not in what projects share: each of them would build once more.
    globalSetup: ['test/support/build.ts', 'test/support/folders-in-memory.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        resolve,
        test: {
          ...EVERY_TEST,
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 4,
          // Modules are loaded once per worker, for the files that it runs: a file leaves nothing behind in its process.
          isolate: false,
        },
      },
      {
        resolve,
        test: {
          ...EVERY_TEST,
          name: 'alone',
          include: ALONE,
          maxWorkers: 1,
          // On the disk that this machine has: what it costs to wait for it is judged too.
          env: { TMPDIR: tmpdir() },
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

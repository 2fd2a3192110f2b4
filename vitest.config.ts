import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

/** They judge times, memory or goodput of a whole server: nothing else may run beside them. */
const ALONE = [
  'test/server/{draining,killed,restarts,size}.test.ts',
  'test/proxy/{memory,timeouts}.test.ts',
  'test/security/{slow-clients-*,overload-*,large-answers-*,clients-that-leave-*,token-comparison-*}.test.ts',
  'test/security/{one-client-*,floods-*,http2-floods-*,failing-system-calls-*}.test.ts',
  'test/store/{large-store,killed-*}.test.ts',
];

// Tests import `src/…` and run `dist/…`: what is tested is what ships, worker threads included.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^(?:\.\.\/)+src\//, replacement: fileURLToPath(new URL('dist/', import.meta.url)) },
    ],
  },
  test: {
    globalSetup: ['test/support/build.ts'],
    pool: 'forks',
    // Loaded by Node itself, as it is where it ships.
    server: { deps: { external: [/\/dist\//] } },
    // Ten times what the slowest take: a busy machine makes no test fail.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 4,
          // Modules are loaded once per worker, for the files that it runs: a file leaves nothing behind in its process.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ALONE,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

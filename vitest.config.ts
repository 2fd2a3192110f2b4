import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** They judge times, memory or goodput of a whole server: nothing else may run beside them. */
const ALONE = [
  'test/server/{cutovers,draining,killed,outages,reloads,restarts,size,toggles,traces}.test.ts',
  'test/torture/**',
  'test/proxy/{memory,timeouts,upstream-faults}.test.ts',
  'test/security/{slow-clients-*,overload-*,large-answers-*,clients-that-leave-*,token-comparison-*}.test.ts',
  'test/security/{one-client-*,floods-*,http2-floods-*,failing-system-calls-*,interim-*}.test.ts',
  'test/store/{large-store,killed-*}.test.ts',
  'test/telemetry/traces.test.ts',
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
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: { name: 'together', include: ['test/**/*.test.ts'], exclude: ALONE, maxWorkers: 3 },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ALONE.map((glob) => glob.replace(/\*\*$/, '**/*.test.ts')),
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

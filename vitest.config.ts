import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Tests import `src/…` and run `dist/…`: what is tested is what ships, worker threads included.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^(?:\.\.\/)+src\//, replacement: fileURLToPath(new URL('dist/', import.meta.url)) },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});

import { defineConfig } from 'vitest/config';
import tests from '../../vitest.config.js';

const { projects: _groups, ...options } = tests.test ?? {};

/** As for the tests, but one file, no time limits, and no build: `npm run torture` has built. */
export default defineConfig({
  ...tests,
  test: {
    ...options,
    include: ['test/torture/slice.ts'],
    globalSetup: [],
    testTimeout: 0,
    hookTimeout: 0,
  },
});

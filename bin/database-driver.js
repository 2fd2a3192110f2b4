// Whether better-sqlite3, the one dependency that is compiled, is there and works with this Node.
import { createRequire } from 'node:module';

/** What a machine needs where there is no ready-made build of better-sqlite3. */
const TOOLCHAIN = 'apt-get install -y python3 make g++';

/**
 * What is wrong with the database driver and what to do about it; undefined when it works.
 * @returns {string | undefined}
 */
export function databaseDriverProblem() {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3');
    new Database(':memory:').close();
    return undefined;
  } catch {
    return (
      'better-sqlite3 could not be loaded: it was not built for this Node. Where there is no ready-made ' +
      `build, a C++ toolchain is needed:\n  ${TOOLCHAIN}\nThen install again: npm ci ` +
      '(with --foreground-scripts it shows what the compiler says)'
    );
  }
}

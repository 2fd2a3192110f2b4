#!/usr/bin/env node
// Starts the compiled program, or says plainly what keeps it from starting.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const OLDEST = [20, 19];
const TOOLCHAIN = 'apt-get install -y python3 make g++';
/** Commands that open the database themselves; the others only talk to a server. */
const OPENS_DATABASE = new Set(['serve', 'restore', 'rekey', 'doctor']);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  fail(
    `Node ${process.versions.node} is too old: Keyferry needs Node ${OLDEST.join('.')} or later.`,
  );
}
const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) fail('Keyferry is not built yet. Run: npm ci && npm run build');
const command = process.argv.slice(2).find((word) => !word.startsWith('-'));
if (OPENS_DATABASE.has(command)) requireDatabaseDriver();
try {
  await import(main.href);
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  fail('A package or a part of the build is missing. Run: npm ci && npm run build');
}

function requireDatabaseDriver() {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3');
    new Database(':memory:').close();
  } catch {
    fail(
      'better-sqlite3 could not be loaded: it was not built for this Node. Where there is no ready-made ' +
        `build, a C++ toolchain is needed:\n  ${TOOLCHAIN}\nThen run: npm rebuild better-sqlite3`,
    );
  }
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`keyferry: ${message}\n`);
  process.exit(1);
}

#!/usr/bin/env node
// Starts the compiled program, or says plainly what keeps it from starting.
import { existsSync } from 'node:fs';
import { databaseDriverProblem } from './database-driver.js';

const OLDEST = [20, 19];
/** Commands that open the database themselves; the others only talk to a server. */
const OPENS_DATABASE = new Set(['serve', 'restore', 'rekey', 'doctor']);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  fail(
    `Node ${process.versions.node} is too old: Keyferry needs Node ${OLDEST.join('.')} or later.`,
  );
}
const main = new URL('../dist/program/main.js', import.meta.url);
if (!existsSync(main)) fail('Keyferry is not built yet. Run: npm ci && npm run build');
const command = process.argv.slice(2).find((word) => !word.startsWith('-'));
const driverProblem = OPENS_DATABASE.has(command) ? databaseDriverProblem() : undefined;
if (driverProblem !== undefined) fail(driverProblem);
try {
  await import(main.href);
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  fail('A package or a part of the build is missing. Run: npm ci && npm run build');
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`keyferry: ${message}\n`);
  process.exit(1);
}

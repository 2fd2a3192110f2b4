import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Builds `dist/` once before any test, so that a test never runs yesterday's code. `npm test` has just done so. */
export default function build(): void {
  if (process.env.npm_lifecycle_event === 'test') return;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'inherit' });
}

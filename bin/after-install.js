// Runs at the end of an installation: one that lacks the database driver fails and says why. npm itself would
// leave an optional dependency out in silence. With --omit=optional it is left out on purpose: the commands
// that only talk to a server work without it.
import { databaseDriverProblem } from './database-driver.js';

const omitted = (process.env.npm_config_omit ?? '').split(/\s+/).includes('optional');
const problem = omitted ? undefined : databaseDriverProblem();
if (problem !== undefined) {
  process.stderr.write(`keyferry: ${problem}\n`);
  process.exitCode = 1;
}

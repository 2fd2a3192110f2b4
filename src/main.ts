/** The command line of this process: hands the rooms' work to the commands as ports. */
import { runCommandLine } from './cli/index.js';
import { commandLinePorts } from './command-line-ports.js';

process.exitCode = await runCommandLine(
  {
    argv: process.argv.slice(2),
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    nowMs: Date.now(),
  },
  commandLinePorts(process.env),
);

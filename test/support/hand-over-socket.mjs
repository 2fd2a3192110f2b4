// Stands for a supervisor: owns the listening socket on descriptor 3, never accepts on it, and runs the command
// of its arguments with it, one process after another. A line on standard input ends the one that runs.
import { spawn } from 'node:child_process';

const [, , script, ...argv] = process.argv;
let child;
let ending = false;

function run() {
  child = spawn(process.execPath, [script, ...argv], {
    stdio: ['ignore', 'inherit', 'inherit', 3],
  });
  child.on('exit', (code) => {
    process.stdout.write(`ended with ${code}\n`);
    if (!ending) run();
  });
}

run();
process.stdin.on('data', () => child.kill('SIGTERM'));
process.stdin.on('end', () => {
  ending = true;
  child.kill('SIGTERM');
});

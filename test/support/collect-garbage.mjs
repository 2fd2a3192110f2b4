// Loaded before a program: SIGUSR2 collects its garbage, so that what is left is what is held.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    collect();
    process.stdout.write('garbage collected\n');
  });
}

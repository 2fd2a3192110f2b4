// Runs one rekey of the data folder given, to be killed at any moment.
import { rekey } from '../../dist/maintenance.js';

const clock = { now: () => Date.now() };
process.stdout.write('ready\n');
await rekey({ dataDir: process.argv[2], clock });

// Runs rotations and cutovers of a data folder at a fast pace, and prints each state that a run reaches, until it is killed.
import { writeSync } from 'node:fs';
import { createCutoverEngine } from '../../dist/cutover/index.js';
import { openKeyferryStore } from '../../dist/open-store.js';
import { createOutbound } from '../../dist/proxy/index.js';
import { createProviders, createRotationEngine } from '../../dist/rotation/index.js';

// What libraries warn of is not what went wrong.
process.removeAllListeners('warning');
const [dataDir, options] = process.argv.slice(2);
const { offsetMs, pace, commandFolder, untilEnd } = JSON.parse(options);
const clock = { now: () => Date.now() + offsetMs };
const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: false });
const say = (line) => writeSync(1, `${line}\n`);
const onError = (error) => writeSync(2, `${error.stack ?? error}\n`);
const cutovers = createCutoverEngine({
  store,
  clock,
  prober: { probe: () => Promise.reject(new Error('nobody asked for a probe')) },
  groundOf: async () => ({ probes: [], failure: undefined }),
  routes: { forward: async () => ({ type: 'done' }), back: async () => ({ type: 'done' }) },
  publish: async () => undefined,
  onDecision: () => undefined,
  onError,
});
createRotationEngine({
  store,
  clock,
  pace,
  providers: createProviders({ commandFolder }),
  outbound: createOutbound(),
  random: () => 0,
  holder: String(process.pid),
  publish: async () => undefined,
  checkPropagation: async () => undefined,
  onState({ state, endedAtMs }) {
    say(state);
    if (untilEnd && endedAtMs !== null) process.exit(0);
  },
  onError,
});
// Cutovers go on once a second by themselves, which is longer than this process lives.
setInterval(() => void cutovers.tick(), 20);
say('ready');

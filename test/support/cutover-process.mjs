// Begins, moves and ends cutovers in four places at once, and prints what was acknowledged, until it is killed.
import { writeSync } from 'node:fs';
import { DEFAULT_CUTOVER_SETTINGS, SecretValue } from '../../dist/core/index.js';
import { openKeyferryStore } from '../../dist/open-store.js';

const [dataDir, seed] = process.argv.slice(2);
const actor = { type: 'system', id: 'mover', name: 'mover' };
const settings = { ...DEFAULT_CUTOVER_SETTINGS, steps: [10, 50, 100] };
const { store } = await openKeyferryStore({
  dataDir,
  clock: { now: () => Date.now() },
  createIfMissing: true,
});
const places = ['a', 'b'].flatMap((secret) =>
  ['staging', 'production'].map((environment) => ({ secret, environment })),
);

for (const { secret, environment } of places) {
  if ((await store.getSecret(secret)) === undefined) {
    await store.createSecret({ actor, name: secret });
  }
  for (let number = (await store.listVersions(secret, environment)).length; number < 2; number++) {
    const value = SecretValue.fromText(`${secret} ${number}`);
    await store.addVersion({ actor, secret, environment, value });
  }
}

async function move(place, at) {
  let drawn = Number(seed) * 4 + at;
  const draw = (below) => {
    drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (drawn >>> 8) % below;
  };
  for (;;) {
    const running = (await store.runningCutovers()).find(
      ({ secret, environment }) => secret === place.secret && environment === place.environment,
    );
    const moved = await (running === undefined ? begin(place) : goOn(running, draw(8)));
    const { id, state, step } = moved;
    writeSync(1, `${JSON.stringify({ ...place, id, state, step })}\n`);
  }
}

async function begin(place) {
  const versions = await store.listVersions(place.secret, place.environment);
  const { version } = versions.find(({ state }) => state !== 'current');
  return store.startCutover({ ...place, actor, toVersion: version, toSecret: null, settings });
}

async function goOn({ id, state, step, secret, environment, fromVersion, toVersion }, drawn) {
  const decided = { actor, id, ifState: state, ifStep: step, evidence: null };
  const end = { actor, id, reason: 'drawn' };
  switch (drawn) {
    case 0:
      return store.rollbackCutover(end);
    case 1:
      return store.completeCutover(end);
    case 2:
      return store.holdCutover({ ...decided, hold: 'refused' });
    case 3:
      await store.rollback({ actor, secret, environment });
      return store.getCutover(id);
    case 4: {
      const version = step === 0 ? fromVersion : toVersion;
      await store.activateVersion({ actor, secret, environment, version });
      return store.getCutover(id);
    }
    default:
      return state === 'CURRENT' ? store.completeCutover(end) : store.advanceCutover(decided);
  }
}

writeSync(1, 'ready\n');
await Promise.all(places.map(move));

// Takes rotation runs through their states in four places at once, and prints what was acknowledged, until it is killed.
import { writeSync } from 'node:fs';
import { DEFAULT_ROTATION_SETTINGS, RUN_TRANSITIONS, SecretValue } from '../../dist/core/index.js';
import { openKeyferryStore } from '../../dist/open-store.js';

const [dataDir, seed] = process.argv.slice(2);
const actor = { type: 'system', id: 'mover', name: 'mover' };
const clock = { now: () => Date.now() };
const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: true });
const places = ['a', 'b'].flatMap((secret) =>
  ['staging', 'production'].map((environment) => ({ secret, environment })),
);

for (const place of places) {
  const { secret } = place;
  if ((await store.getSecret(secret)) === undefined)
    await store.createSecret({ actor, name: secret });
  if ((await store.listVersions(secret, place.environment)).length === 0) {
    await store.addVersion({ actor, ...place, value: SecretValue.fromText('first') });
  }
  if ((await store.findRotation(secret, place.environment)) !== undefined) continue;
  await store.enableRotation({
    ...DEFAULT_ROTATION_SETTINGS,
    ...place,
    actor,
    provider: 'aws',
    intervalDays: 90,
    cron: null,
    config: {},
    nextRunAtMs: null,
  });
}

async function move(place, at) {
  let drawn = Number(seed) * 4 + at;
  const draw = (below) => {
    drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (drawn >>> 8) % below;
  };
  const tell = (run) => {
    const { id, state, epoch, toVersion, attempts } = run;
    writeSync(1, `${JSON.stringify({ ...place, id, state, epoch, toVersion, attempts })}\n`);
    return run;
  };
  for (;;) {
    const { id: rotationId } = await store.findRotation(place.secret, place.environment);
    let run = (await store.getRotation(rotationId)).run;
    if (run === null || run.endedAtMs !== null) {
      run = tell(await store.startRun({ actor, rotationId, trigger: 'manual' }));
    }
    const { id } = run;
    const claim = async () => tell(await store.claimRun({ id, holder: seed, leaseMs: 1 }));
    run = await (run.state === 'NEEDS_ATTENTION'
      ? store.directRun({ actor, id, to: 'resume' }).then(claim)
      : claim());
    while (run.endedAtMs === null && draw(20) > 0) run = tell(await goOn(run, draw));
  }
}

async function goOn(run, draw) {
  const { id, epoch, state, secret, environment, toVersion } = run;
  const step = { actor, lease: { id, epoch }, ifState: state, note: 'moved', reason: 'moved' };
  if (draw(6) === 0)
    return store.advanceRun({ ...step, to: state, changes: { attempts: run.attempts + 1 } });
  const ways = RUN_TRANSITIONS[state].filter(
    (to) => to !== 'NEEDS_ATTENTION' && to !== 'AWAITING_VALUE',
  );
  const to = draw(4) > 0 ? ways[0] : ways[draw(ways.length)];
  if (to === 'MINTING') {
    const material = SecretValue.fromText('what it is made of');
    return store.reserveVersion({ ...step, stepId: `${id} step`, material });
  }
  if (to === 'MINTED') return store.sealMinted({ ...step, value: SecretValue.fromText('minted') });
  if (to === 'GRACE')
    await store.activateVersion({ actor, secret, environment, version: toVersion });
  return store.advanceRun({ ...step, to });
}

writeSync(1, 'ready\n');
await Promise.all(places.map(move));

// Adds versions with four writers at once and prints each one that was acknowledged, until it is killed.
import { writeSync } from 'node:fs';
import { SecretValue } from '../../dist/core/index.js';
import { openKeyferryStore } from '../../dist/open-store.js';

const actor = { type: 'system', id: 'writer', name: 'writer' };
const { store } = await openKeyferryStore({
  dataDir: process.argv[2],
  clock: { now: () => Date.now() },
  createIfMissing: true,
});

async function write(secret) {
  if ((await store.getSecret(secret)) === undefined)
    await store.createSecret({ actor, name: secret });
  for (;;) {
    const text = `${secret}-${Math.random()}`;
    const value = SecretValue.fromText(text);
    const target = { actor, secret, environment: 'production' };
    const { version } = await store.addVersion({ ...target, value });
    writeSync(1, `${secret} ${version} ${text}\n`);
  }
}

for (const name of ['a', 'b', 'c']) {
  if ((await store.getSecret(name)) === undefined) await store.createSecret({ actor, name });
}
writeSync(1, 'ready\n');
await Promise.all(['a', 'b', 'c', 'c'].map(write));

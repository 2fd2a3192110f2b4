import { expect, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { keepHeartbeat } from '../../src/keep-heartbeat.js';
import { createLog } from '../../src/telemetry/index.js';
import { TEST_ACTOR as actor, openTestStore } from '../support/open-test-store.js';

test('a stop that lost counts is no clean one', async () => {
  const opened = await openTestStore();
  const { store, clock } = opened;
  const log = createLog('silent');
  const place = { secret: 'key', environment: 'production' };
  await store.createSecret({ actor, name: 'key' });
  await store.addVersion({ actor, ...place, value: SecretValue.fromText('one') });
  const references = [{ route: 'pay', ...place, version: undefined }];
  await store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });
  for (const written of [true, false]) {
    const heartbeat = await keepHeartbeat({
      store,
      usage: { close: async () => written },
      clock,
      log,
      isShared: false,
    });
    clock.advance(1);
    await heartbeat.close();
    expect((await store.presumeUses())?.versions).toBe(written ? undefined : 1);
  }
  await log.close();
  await opened.cleanUp();
});

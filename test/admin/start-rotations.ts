import { createRotationEngine, DEFAULT_ROTATION_PACE } from '../../src/rotation/index.js';
import { type MemoryProvider, memoryProvider } from '../support/memory-provider.js';
import { type CallOptions, type Reply, startAdmin, type TestAdmin } from './start-admin.js';

export interface TestRotations {
  readonly admin: TestAdmin;
  readonly provider: MemoryProvider;
  /** Takes runs as far as they go now. */
  go(): Promise<void>;
  /** Enables a rotation, in production where nothing else is said. */
  enable(secret: string, more?: Record<string, unknown>, options?: CallOptions): Promise<Reply>;
  stop(): Promise<void>;
}

/** The admin app over a real store, with the engine and a provider whose keys are in this process. */
export async function startRotations(): Promise<TestRotations> {
  const provider = memoryProvider();
  const admin = await startAdmin({}, { providers: [provider] });
  const { store, clock } = admin.opened;
  const engine = createRotationEngine({
    store,
    providers: new Map([[provider.id, provider]]),
    outbound: { send: () => Promise.reject(new Error('nothing is sent here')) },
    checkPropagation: async () => undefined,
    clock,
    random: () => 0,
    pace: { ...DEFAULT_ROTATION_PACE, settleMs: 0, verifyEveryMs: 1 },
    holder: 'test',
    publish: async () => undefined,
    onState: () => undefined,
    onError: (error) => admin.logged.push(error),
  });
  return {
    admin,
    provider,
    async go() {
      // Verified three times, and looked at again after some seconds.
      for (let round = 0; round < 5; round++) {
        clock.advance(500);
        await engine.tick();
      }
    },
    enable(secret, more = {}, options = {}) {
      const body = {
        secret,
        environment: 'production',
        provider: 'custom',
        config: { account: secret },
        ...more,
      };
      return admin.call('POST', '/v1/rotations', { body, ...options });
    },
    async stop() {
      await engine.close();
      await admin.stop();
    },
  };
}

/** What was used shortly before an unclean stop counts as used. */
import type { Clock, HeartbeatStore } from './core/index.js';
import type { Log } from './telemetry/index.js';

const BEAT_EVERY_MS = 10_000;
/** Covers the time until the next beat, and what a busy process is late by. */
const BEAT_COVERS_MS = 2 * BEAT_EVERY_MS;

export interface Heartbeat {
  /** Says that the stop is clean: call it when all usage was written. */
  close(): Promise<void>;
}

/** Makes up for an unclean stop, then says from time to time that this server counts uses. */
export async function keepHeartbeat(
  store: HeartbeatStore,
  clock: Clock,
  log: Log,
): Promise<Heartbeat> {
  const beat = (): Promise<void> => store.beat(clock.now() + BEAT_COVERS_MS);
  const presumed = await store.presumeUses();
  if (presumed !== undefined) {
    const until = new Date(presumed.untilMs).toISOString();
    log.warn('uses_presumed', { until, versions: presumed.versions });
  }
  await beat();
  let failing = false;
  const tick = (): void => {
    beat().then(
      () => {
        failing = false;
      },
      (error: unknown) => {
        if (!failing) log.error('heartbeat_not_written', error);
        failing = true;
      },
    );
  };
  const timer = setInterval(tick, BEAT_EVERY_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      // A store that cannot be written has lost uses: the next start presumes them.
      await store
        .endHeartbeat()
        .catch((error: unknown) => log.error('heartbeat_not_written', error));
    },
  };
}

/** What was used shortly before an unclean stop counts as used. */
import type { Clock, HeartbeatStore } from './core/index.js';
import type { Log } from './telemetry/index.js';

const BEAT_EVERY_MS = 10_000;
/** Covers the time until the next beat, and what a busy process is late by. */
const BEAT_COVERS_MS = 2 * BEAT_EVERY_MS;

/** Makes up for an unclean stop, before anything changes the store. */
export async function presumeUses(store: HeartbeatStore, log: Log): Promise<void> {
  const presumed = await store.presumeUses();
  if (presumed === undefined) return;
  const until = new Date(presumed.untilMs).toISOString();
  log.warn('uses_presumed', { until, versions: presumed.versions });
}

/**
 * Says from now on that this server counts uses. At the end: writes what `usage` holds, and unless something was
 * lost, that the stop was clean.
 */
export async function keepHeartbeat(options: {
  readonly store: HeartbeatStore;
  readonly usage: { close(): Promise<boolean> };
  readonly clock: Clock;
  readonly log: Log;
  /** Others use the store too: what one of them leaves behind is made up for here. */
  readonly isShared: boolean;
}): Promise<{ close(): Promise<void> }> {
  const { store, usage, clock, log, isShared } = options;
  let failing = false;
  const beat = (): Promise<void> => store.beat(clock.now() + BEAT_COVERS_MS);
  const report = (error: unknown): void => {
    if (!failing) log.error('heartbeat_not_written', error);
    failing = true;
  };
  await beat();
  const tick = (): void => {
    beat()
      .then(() => (isShared ? presumeUses(store, log) : undefined))
      .then(() => {
        failing = false;
      }, report);
  };
  const timer = setInterval(tick, BEAT_EVERY_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      if (await usage.close()) await store.endHeartbeat().catch(report);
    },
  };
}

/** Keeps the snapshot in step also where a call that changed something could not wait for it. */
import type { Log } from './telemetry/index.js';

/** How long a change can stay unseen when the store could not be read at the moment it was made. */
const CATCH_UP_EVERY_MS = 1000;
/** The same for what another server has changed. */
const CATCH_UP_SHARED_MS = 250;

export interface ChangesFollower {
  /** True while the newest attempt to read the change log failed: requests may miss the last changes. */
  readonly behind: boolean;
  close(): void;
}

/** Reads the change log again and again. What fails is logged once, and again when it is over. */
export function followChanges(
  catchUp: () => Promise<void>,
  log: Log,
  isShared: boolean,
): ChangesFollower {
  let behind = false;
  const timer = setInterval(
    () => {
      catchUp().then(
        () => {
          if (behind) log.info('snapshot_caught_up');
          behind = false;
        },
        (error: unknown) => {
          if (!behind) log.error('snapshot_behind', error);
          behind = true;
        },
      );
    },
    isShared ? CATCH_UP_SHARED_MS : CATCH_UP_EVERY_MS,
  );
  timer.unref();
  return {
    get behind() {
      return behind;
    },
    close: () => clearInterval(timer),
  };
}

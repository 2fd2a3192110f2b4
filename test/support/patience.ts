/** For so long a test waits for what comes soon: a busy machine must not make it fail. */
export const PATIENCE_MS = 120_000;

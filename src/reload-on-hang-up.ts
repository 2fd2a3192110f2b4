/** Calls `reload` at each SIGHUP. Where there is nothing to read again it must not end the process, as Node would have it. */
export function reloadOnHangUp(reload: () => Promise<void>): { close(): void } {
  const onHangUp = (): void => void reload();
  process.on('SIGHUP', onHangUp);
  return { close: () => process.off('SIGHUP', onHangUp) };
}

/** Preloaded: the process crashes on SIGWINCH, as by a mistake of its own. */
process.on('SIGWINCH', () => {
  setImmediate(() => {
    throw new TypeError('a mistake', { cause: new Error('its cause', { cause: 'and its cause' }) });
  });
});

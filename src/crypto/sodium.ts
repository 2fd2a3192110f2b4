import sodium from 'libsodium-wrappers';

// The library is compiled code that loads once; nothing of this room runs before it is there.
await sodium.ready;

export { sodium };

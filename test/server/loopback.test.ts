import { expect, test } from 'vitest';
import { isLoopback } from '../../src/listen-on.js';

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['localhost', true],
  ['127.evil.com', false],
  ['127.0.0.1.evil.com', false],
  ['127.', false],
  ['0.0.0.0', false],
  ['10.127.0.1', false],
  ['::', false],
])('%s is reached from this machine alone: %s', (host, expected) => {
  expect(isLoopback({ host, port: 0 })).toBe(expected);
});

import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { RestingConnections } from '../../src/proxy/resting-connections.js';
import { eventually } from '../support/raw-upstream.js';

test('the more connections rest, the longer the next is to wait, and after it they are read again', async () => {
  const resting = new RestingConnections();
  expect(resting.waitSeconds).toBe(1);
  const rest = (count: number, seconds: number): Socket[] => {
    const sockets = Array.from({ length: count }, () => new Socket());
    for (const socket of sockets) resting.rest(socket, seconds);
    return sockets;
  };
  const short = rest(250, 0.2);
  await eventually(() => resting.waitSeconds === 3);
  expect(short.every((socket) => socket.isPaused())).toBe(true);
  short[0]?.destroy();
  await eventually(() => short.every((socket) => socket.destroyed || !socket.isPaused()));
  expect(resting.waitSeconds).toBe(1);
  rest(5000, 3600);
  await eventually(() => resting.waitSeconds === 10);
});

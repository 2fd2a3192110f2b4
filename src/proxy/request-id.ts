import { randomBytes } from 'node:crypto';

const prefix = randomBytes(9).toString('base64url');
let count = 0;

/** Unique among all processes (72 random bits each), and cheap: it is made for every request. */
export function nextRequestId(): string {
  count++;
  return `${prefix}-${count.toString(36)}`;
}

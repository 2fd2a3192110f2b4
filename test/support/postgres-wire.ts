import { FOREIGN_WORDS } from './provider-stand-in.js';

/** A message of PostgreSQL's protocol: its type (none for the first of a client), and all of its bytes. */
export interface WireMessage {
  readonly type: string;
  readonly bytes: Buffer;
}

const SSL_REQUEST = 80877103;

/** Cuts a stream of bytes into messages. */
export class MessageCutter {
  #rest = Buffer.alloc(0);
  /** Whether the next message has no type. */
  #isFirst: boolean;

  constructor(from: 'client' | 'server') {
    this.#isFirst = from === 'client';
  }

  *cut(bytes: Buffer): Generator<WireMessage> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const head = this.#isFirst ? 0 : 1;
      if (this.#rest.length < head + 4) return;
      const length = head + this.#rest.readUInt32BE(head);
      if (this.#rest.length < length) return;
      const message = Buffer.from(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      const type = head === 0 ? '' : message.toString('latin1', 0, 1);
      if (!isSslRequest(message)) this.#isFirst = false;
      yield { type, bytes: message };
    }
  }
}

export function isSslRequest(bytes: Buffer): boolean {
  return bytes.length === 8 && bytes.readUInt32BE(4) === SSL_REQUEST;
}

/** The user of a client's first message. */
export function userOf(startup: Buffer): string | undefined {
  const words = startup.toString('utf8', 8).split('\0');
  return words[words.indexOf('user') + 1];
}

/** The text of a statement that a client sends; undefined for any other message. */
export function statementOf({ type, bytes }: WireMessage): string | undefined {
  if (type === 'Q') return bytes.toString('utf8', 5, bytes.length - 1);
  if (type !== 'P') return undefined;
  return bytes.toString('utf8', 5).split('\0')[1];
}

export function errorResponse(state: string): Buffer {
  const fields = Buffer.from(`SERROR\0VERROR\0C${state}\0M${FOREIGN_WORDS}\0\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeUInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

export const READY = Buffer.from('Z\0\0\0\u0005I', 'latin1');

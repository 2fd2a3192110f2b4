import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  timingSafeEqual,
} from 'node:crypto';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { cachingSha2Hash } from '../../src/rotation/providers/mysql-hash.js';

/** What mysql2's own server side gives, as far as it is used. */
export interface MysqlServerConnection {
  readonly stream: Socket;
  sequenceId: number;
  clientHelloReply?: unknown;
  serverConfig: { encoding: string };
  on(event: 'query', listener: (statement: string) => void): void;
  on(event: 'error' | 'end' | 'quit', listener: () => void): void;
  addCommand(command: unknown): void;
  writeOk(args?: object): void;
  writeError(args: { code: number; message: string }): void;
  writeTextResult(rows: readonly object[], columns: readonly object[]): void;
  writePacket(packet: unknown): void;
  close(): void;
}

interface Packet {
  readBuffer(): Buffer;
  isError(): boolean;
}
type State = (packet: Packet, connection: MysqlServerConnection) => State;

const require = createRequire(import.meta.url);
const root = dirname(require.resolve('mysql2/package.json'));
const internal = (file: string): never => require(join(root, 'lib', file)) as never;

const HandshakeBase = internal('commands/server_handshake.js') as new (
  args: object,
) => {
  serverHello: { authPluginData1: Buffer; authPluginData2: Buffer };
  start(packet: Packet, connection: MysqlServerConnection): State;
  execute(packet: Packet | undefined, connection: MysqlServerConnection): boolean;
  dispatchCommands: State;
};
const Packets = internal('packets/index.js') as {
  HandshakeResponse: {
    fromPacket(packet: Packet, flags: number): { user: string; authToken: Buffer };
  };
  AuthSwitchRequest: new (options: object) => { toPacket(): unknown };
  AuthSwitchRequestMoreData: new (data: Buffer) => { toPacket(): unknown };
};
const charsets = internal('constants/charset_encodings.js') as Record<number, string>;
const { verifyToken } = internal('auth_41.js') as {
  verifyToken(seed1: Buffer, seed2: Buffer, token: Buffer, doubleSha: Buffer): boolean;
};

/** PROTOCOL_41, PLUGIN_AUTH, SECURE_CONNECTION, CONNECT_WITH_DB, TRANSACTIONS, LONG_PASSWORD. */
const CAPABILITIES = 0x200 | 0x80000 | 0x8000 | 0x8 | 0x2000 | 0x1;
const UTF8 = 33;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC_KEY = Buffer.from(
  createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string,
);

export interface ServerAccount {
  plugin: 'caching_sha2_password' | 'mysql_native_password';
  hash: string;
  /** Of `caching_sha2_password`: kept after a whole login, as the plugin does. */
  cache?: Buffer | undefined;
}

export interface LoginRules {
  readonly version: string;
  account(user: string): ServerAccount | undefined;
  /** After the right password: the number of an error, or undefined to let in. */
  refuse(user: string): number | undefined;
  /** Before any password: the number of an error. */
  turnAway(user: string): number | undefined;
  entered(user: string, connection: MysqlServerConnection): void;
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const xor = (a: Buffer, b: Buffer): Buffer =>
  Buffer.from(a.map((byte, at) => byte ^ (b[at % b.length] ?? 0)));

/** The server's side of a login, with the two plugins of accounts, as MySQL and MariaDB do it. */
export function logInOnServer(connection: MysqlServerConnection, id: number, rules: LoginRules) {
  class Login extends HandshakeBase {
    #user = '';
    #account: ServerAccount | undefined;

    get #scramble(): Buffer {
      const { authPluginData1, authPluginData2 } = this.serverHello;
      return Buffer.concat([authPluginData1, authPluginData2]);
    }

    /** Of what a client sends nothing is an error, not even a token that begins with 0xff. */
    override execute(packet: Packet | undefined, own: MysqlServerConnection): boolean {
      if (packet !== undefined) packet.isError = () => false;
      return super.execute(packet, own);
    }

    override start(packet: Packet, own: MysqlServerConnection): State {
      super.start(packet, own);
      return this.readClientReply;
    }

    readClientReply(packet: Packet): State {
      const reply = Packets.HandshakeResponse.fromPacket(packet, CAPABILITIES);
      connection.clientHelloReply = reply;
      this.#user = reply.user;
      const number = rules.turnAway(reply.user);
      if (number !== undefined) return this.#refuse(number);
      this.#account = rules.account(reply.user);
      if (this.#account?.plugin !== 'caching_sha2_password') {
        const { authPluginData1, authPluginData2 } = this.serverHello;
        const stored = Buffer.from(this.#account?.hash.slice(1) ?? '', 'hex');
        const isRight =
          reply.authToken.length === 20 &&
          stored.length === 20 &&
          verifyToken(authPluginData1, authPluginData2, reply.authToken, stored);
        return this.#end(isRight);
      }
      const pluginData = Buffer.concat([this.#scramble, Buffer.from([0])]);
      const request = { pluginName: 'caching_sha2_password', pluginData };
      connection.writePacket(new Packets.AuthSwitchRequest(request).toPacket());
      return this.readToken;
    }

    readToken(packet: Packet): State {
      const token = packet.readBuffer();
      const cache = this.#account?.cache;
      if (cache !== undefined && token.length === 32) {
        const once = xor(token, sha256(cache, this.#scramble));
        if (timingSafeEqual(sha256(once), cache)) {
          this.#more(Buffer.from([3]));
          return this.#end(true);
        }
      }
      this.#more(Buffer.from([4]));
      return this.readRequest;
    }

    /** Without TLS a client asks for the server's key first. */
    readRequest(packet: Packet): State {
      if (!packet.readBuffer().equals(Buffer.from([2]))) return this.#end(false);
      this.#more(PUBLIC_KEY);
      return this.readPassword;
    }

    readPassword(packet: Packet): State {
      const opened = privateDecrypt(
        { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
        packet.readBuffer(),
      );
      const password = xor(opened, this.#scramble).toString('utf8').replace(/\0$/, '');
      const account = this.#account;
      const isRight =
        account !== undefined &&
        cachingSha2Hash(password, account.hash.slice(7, 27)) === account.hash;
      if (isRight) account.cache = sha256(sha256(Buffer.from(password)));
      return this.#end(isRight);
    }

    #more(data: Buffer): void {
      connection.writePacket(new Packets.AuthSwitchRequestMoreData(data).toPacket());
    }

    #end(isRight: boolean): State {
      const number = isRight ? rules.refuse(this.#user) : 1045;
      if (number !== undefined) return this.#refuse(number);
      connection.writeOk();
      connection.sequenceId = 0;
      rules.entered(this.#user, connection);
      return this.dispatchCommands;
    }

    #refuse(number: number): State {
      connection.writeError({ code: number, message: 'words of the provider' });
      connection.close();
      return this.dispatchCommands;
    }
  }
  const args = {
    protocolVersion: 10,
    serverVersion: rules.version,
    connectionId: id,
    statusFlags: 2,
    characterSet: UTF8,
    capabilityFlags: CAPABILITIES,
  };
  connection.serverConfig = { ...args, encoding: charsets[UTF8] ?? 'utf8' };
  connection.addCommand(new Login(args));
}

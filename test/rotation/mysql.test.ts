import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { createConnection } from 'mysql2/promise';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { fieldsOf, type KeyCall, mysql, type ProviderError } from '../../src/rotation/index.js';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { ProviderRig } from '../support/provider-rig.js';
import { type MysqlStandIn, startMysqlStandIn } from '../support/stand-ins/mysql.js';
import { describeProvider } from './provider-contract.js';

type Config = Parameters<typeof mysql.fields>[0];

async function start(product: 'mysql' | 'mariadb' = 'mysql') {
  const standIn = await startMysqlStandIn(product);
  onTestFinished(() => standIn.close());
  return { standIn, rig: new ProviderRig(mysql, standIn) };
}

const onKey = (
  rig: ProviderRig<Config>,
  key: Partial<Pick<KeyCall<Config>, 'keyId' | 'value' | 'cutOff'>>,
): KeyCall<Config> => ({
  ...rig.keyCall('step', 'replaced', {}),
  ...key,
});

/** As an application would; gone after the test. */
async function logIn({ config }: MysqlStandIn, value: SecretValue | undefined) {
  const { username: user = '', password = '' } = (value && fieldsOf(value)) ?? {};
  const connection = await createConnection({
    host: '127.0.0.1',
    port: Number(config.port),
    user,
    password,
  });
  connection.on('error', () => undefined);
  onTestFinished(() => connection.destroy());
  return connection;
}

const did = (work: Promise<unknown> | undefined): Promise<unknown> => work ?? Promise.resolve();

describe('against a server on the real protocol', () => {
  describeProvider(mysql, () => startMysqlStandIn('mysql'), 'MySQL');
  describeProvider(mysql, () => startMysqlStandIn('mariadb'), 'MariaDB');
});

describe.each(['mysql', 'mariadb'] as const)('the logins of %s', (product) => {
  it('take turns, and no statement holds a password', async () => {
    const { standIn, rig } = await start(product);
    const values = [rig.current];
    for (const login of ['app_b', 'app_a', 'app_b']) {
      const plan = await rig.plan();
      const minted = await rig.mint(plan, randomUUID());
      expect(fieldsOf(minted.value)?.username).toBe(login);
      await rig.verify(minted);
      const old = onKey(rig, { keyId: plan.oldKeyId ?? null, value: rig.current });
      await mysql.disable?.(old);
      await mysql.revoke?.(old);
      rig.current = minted.value;
      values.push(minted.value);
    }
    const said = standIn.statements.join('\n');
    expect(said).toContain(product === 'mysql' ? "AS '$A$005$" : "USING '*");
    for (const value of values) {
      const password = (value && fieldsOf(value)?.password) ?? '';
      expect(password.length).toBeGreaterThan(20);
      expect(said).not.toContain(password);
    }
    const live = (await standIn.keys()).filter(({ state }) => state === 'live');
    expect(live).toHaveLength(1);
  });

  it('are held while somebody is connected, and sessions end in an emergency', async () => {
    const { standIn, rig } = await start(product);
    const session = await logIn(standIn, rig.current);
    const old = onKey(rig, { keyId: 'app_a', value: rig.current });
    const nowMs = Date.now();
    expect(await mysql.lastUsedAtMs?.(old)).toBeGreaterThanOrEqual(nowMs);
    for (const action of [mysql.disable, mysql.revoke]) {
      const error = await rig.failureOf(did(action?.(old)));
      expect(error.failure).toBe('in_use');
      expect(error.message).toBe('"app_a" still has 1 session open (127.0.0.1).');
    }
    standIn.grants = standIn.grants.filter((grant) => !grant.includes('CONNECTION_ADMIN'));
    const denied = await rig.failureOf(did(mysql.disable?.({ ...old, cutOff: true })));
    expect(denied.whatToDo).toContain('CONNECTION_ADMIN');
    expect(standIn.accounts.get('app_a')?.locked).toBe(true);
    standIn.grants.push('GRANT CONNECTION_ADMIN ON *.* TO x');
    await mysql.revoke?.({ ...old, cutOff: true });
    await expect(session.query('START TRANSACTION')).rejects.toThrow();
    await expect.poll(() => mysql.lastUsedAtMs?.(old)).toBeUndefined();
  });

  it('are not touched by a late word about an earlier key', async () => {
    const { rig } = await start(product);
    const first = await rig.mint(await rig.plan(), 'first');
    const late = onKey(rig, { keyId: first.keyId ?? null, value: first.value });
    await mysql.revoke?.(late);
    const second = await rig.mint(await rig.plan(), 'second');
    await mysql.disable?.({ ...late, cutOff: true });
    await mysql.revoke?.({ ...late, cutOff: true });
    expect((await rig.failureOf(did(mysql.enable?.(late)))).failure).toBe('refused');
    await rig.verify(second);
  });

  it('are taken back where nothing was heard of a minting', async () => {
    const { standIn, rig } = await start(product);
    const plan = await rig.plan();
    standIn.fail('lost_answer');
    expect((await rig.failureOf(rig.mint(plan, 'unheard'))).failure).toBe('unknown');
    const unheard = rig.keyCall('unheard', 'taken_back', {});
    await mysql.disable?.(unheard);
    await mysql.revoke?.(unheard);
    await mysql.revoke?.(unheard);
    expect(standIn.accounts.get('app_a')?.locked).toBe(false);
    expect(standIn.accounts.get('app_b')?.locked).toBe(true);
    await rig.plan();
  });

  it('are not locked by one who may not see who is connected', async () => {
    const { standIn, rig } = await start(product);
    standIn.grants = ['GRANT CREATE USER ON *.* TO `keyferry_admin`@`%`'];
    const error = await rig.failureOf(did(mysql.disable?.(onKey(rig, { keyId: 'app_a' }))));
    expect(error.whatToDo).toContain('GRANT PROCESS');
    const findings = await mysql.check(rig.call());
    expect(findings.find(({ ok }) => !ok)?.detail).toContain('PROCESS, CONNECTION_ADMIN');
  });
});

describe('a server of MySQL', () => {
  it('waits for whoever else works on the two logins', async () => {
    const { standIn, rig } = await start();
    const admin = await logIn(
      standIn,
      SecretValue.fromText(
        JSON.stringify({ username: 'keyferry_admin', password: standIn.adminPassword }),
      ),
    );
    await admin.query("SELECT GET_LOCK('keyferry:app_a+app_b', 5) AS held");
    const plan = await rig.plan();
    const minting = rig.mint(plan, 'step');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(standIn.accounts.get('app_b')?.locked).toBe(true);
    await admin.end();
    await rig.verify(await minting);
  });

  it('is believed by its certificate alone', async () => {
    const authority = await makeAuthority();
    const stranger = await makeAuthority();
    const seen: string[] = [];
    const serve = async (name: string): Promise<number> => {
      const { cert, key } = await makeCertificate(authority, { dns: [name] });
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.write(GREETING_WITH_TLS);
        // The client's request for TLS, behind which its first words in TLS may have come already.
        socket.once('readable', () => {
          socket.read(36);
          const secure = new TLSSocket(socket, { isServer: true, cert, key });
          secure.on('error', () => undefined);
          secure.once('data', (bytes: Buffer) => {
            seen.push(bytes.toString('latin1'));
            secure.destroy();
          });
        });
      });
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
      onTestFinished(() => void server.close());
      return (server.address() as { port: number }).port;
    };
    const { rig } = await start();
    const planAt = async (port: number, ca: string): Promise<ProviderError> => {
      const config = { ...rig.config, host: 'localhost', tls: true, port, ca };
      return await rig.failureOf(mysql.plan(rig.call({ config })));
    };
    const right = await serve('localhost');
    expect((await planAt(await serve('db.example.com'), authority.cert)).failure).toBe(
      'unavailable',
    );
    expect((await planAt(right, stranger.cert)).failure).toBe('unavailable');
    expect(seen).toEqual([]);
    await planAt(right, authority.cert);
    expect(seen.join()).toContain('keyferry_admin');
  });
});

/** MySQL's first packet, of a server that takes TLS. */
const GREETING_WITH_TLS = (() => {
  const scramble = 'abcdefghijklmnopqrst';
  const body = Buffer.concat([
    Buffer.from('\n8.4.3\0\u0001\0\0\0', 'latin1'),
    Buffer.from(`${scramble.slice(0, 8)}\0`, 'latin1'),
    Buffer.from([0x0b, 0xaa, 33, 2, 0, 0x08, 0x00, 21]),
    Buffer.alloc(10),
    Buffer.from(`${scramble.slice(8)}\0mysql_native_password\0`, 'latin1'),
  ]);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
})();

describe('the config of MySQL', () => {
  const good = {
    host: 'db.example.com',
    database: 'app',
    admin: 'keyferry_admin',
    adminPassword: 'mysql_admin',
    logins: ['app_a', 'app_b'],
  };

  it.each([
    ['host', { host: '10.0.0.7' }],
    ['tls', { tls: false }],
    ['logins', { logins: ['app_a', 'app_a'] }],
    ['accountHost', { accountHost: "%' --" }],
  ])('has a problem at %s: %j', (field, changes) => {
    const { error } = mysql.config.safeParse({ ...good, ...changes });
    expect(error?.issues.map(({ path }) => path[0])).toContain(field);
    expect(mysql.config.safeParse(good).success).toBe(true);
  });
});

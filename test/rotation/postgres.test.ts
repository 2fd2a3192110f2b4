import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Clock, type Outbound, SecretValue } from '../../src/core/index.js';
import {
  fieldsOf,
  type KeyCall,
  type MintCall,
  type Minted,
  type ProviderCall,
  ProviderError,
  postgres,
} from '../../src/rotation/index.js';
import { POSTGRES_INSTALLED } from '../support/postgres-server.js';
import { type PostgresStandIn, startPostgresStandIn } from '../support/stand-ins/postgres.js';
import { describeProvider } from './provider-contract.js';

type Config = Parameters<typeof postgres.fields>[0];

const CLOCK: Clock = { now: () => 1_800_000_000_000 };
const OUTBOUND: Outbound = { send: () => Promise.reject(new Error('no HTTP')) };

interface Rig {
  readonly standIn: PostgresStandIn;
  readonly config: Config;
  call(changes?: Partial<ProviderCall<Config>>): ProviderCall<Config>;
  plan(): Promise<MintCall<Config>>;
  keyCall(keyId: string | null, changes?: Partial<KeyCall<Config>>): KeyCall<Config>;
  /** As the role, straight to the server; gone after the test. */
  logIn(value: SecretValue, application?: string): Promise<pg.Client>;
}

async function startStandIn(): Promise<PostgresStandIn> {
  const standIn = await startPostgresStandIn();
  if (standIn === undefined) throw new Error('PostgreSQL is not installed');
  return standIn;
}

/** The roles of the page on the real server, without the relay: its own TLS, with channel binding. */
async function startRig(changes: Partial<Config> = {}): Promise<Rig> {
  const standIn = await startStandIn();
  onTestFinished(() => standIn.close());
  const { server } = standIn;
  const config = postgres.config.parse({ ...standIn.config, port: server.port, ...changes });
  const call = (more: Partial<ProviderCall<Config>> = {}): ProviderCall<Config> => ({
    config,
    credentials: new Map([['adminPassword', SecretValue.fromText(standIn.adminPassword)]]),
    current: SecretValue.fromText(standIn.initial ?? ''),
    secret: 'app_database',
    environment: 'production',
    outbound: OUTBOUND,
    clock: CLOCK,
    signal: AbortSignal.timeout(20_000),
    ...more,
  });
  return {
    standIn,
    config,
    call,
    async plan() {
      const { keyIds, oldKeyId, material } = await postgres.plan(call());
      return {
        ...call(),
        stepId: randomUUID(),
        material,
        keyIds: keyIds ?? null,
        oldKeyId: oldKeyId ?? null,
      };
    },
    keyCall: (keyId, more = {}) => ({
      ...call(),
      stepId: 'step',
      because: 'replaced',
      version: 1,
      keyId,
      value: undefined,
      cutOff: false,
      ...more,
    }),
    async logIn(value, application = 'billing') {
      const { username: user = '', password = '' } = fieldsOf(value) ?? {};
      const client = new pg.Client({
        ...{ host: '127.0.0.1', port: server.port, database: server.database, user, password },
        ssl: { ca: server.authority.cert },
        application_name: application,
      });
      client.on('error', () => undefined);
      onTestFinished(() => client.end().catch(() => undefined));
      await client.connect();
      return client;
    },
  };
}

/** What was thrown. */
async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProviderError)) throw new Error('no ProviderError', { cause: error });
  return error;
}

const idOf = ({ keyId }: Minted): string => keyId ?? '';

describe.skipIf(!POSTGRES_INSTALLED)('PostgreSQL (skipped where it is not installed)', () => {
  describeProvider(postgres, startStandIn);

  it('takes one role after the other through its whole life', async () => {
    const rig = await startRig();
    const { standIn } = rig;
    const first = await rig.plan();
    expect(first.keyIds).toEqual([standIn.roles.a]);
    expect(first.oldKeyId).toBe(standIn.roles.a);

    const minted = await postgres.mint(first);
    expect(fieldsOf(minted.value)?.username).toBe(standIn.roles.b);
    expect(minted.keyId).toBe(`${standIn.roles.b}@${first.stepId}`);
    await postgres.verify(rig.call(), minted);
    // Both work: nothing of the old one was touched.
    await postgres.verify(rig.call(), { value: SecretValue.fromText(standIn.initial ?? '') });

    const old = rig.keyCall(standIn.roles.a);
    await postgres.disable?.(old);
    await postgres.disable?.(old);
    await expect(rig.logIn(SecretValue.fromText(standIn.initial ?? ''))).rejects.toThrow();
    await postgres.enable?.(old);
    await postgres.enable?.(old);
    await rig.logIn(SecretValue.fromText(standIn.initial ?? '')).then((client) => client.end());
    await postgres.disable?.(old);
    await postgres.revoke?.(old);
    await postgres.revoke?.(old);
    expect((await failureOf(postgres.enable?.(old) ?? Promise.resolve())).failure).toBe('refused');
    expect(await standIn.keys()).toEqual([
      { id: standIn.roles.a, madeBy: 'before', state: 'gone' },
    ]);

    // The other way round; the comment that a person wrote stays.
    await standIn.server.run(`COMMENT ON ROLE ${standIn.roles.a} IS 'of the billing team'`);
    const second = await postgres.plan(rig.call({ current: minted.value }));
    expect(second.oldKeyId).toBe(minted.keyId);
    const again = await postgres.mint({
      ...rig.call({ current: minted.value }),
      ...{ stepId: 'second', material: second.material, keyIds: null, oldKeyId: null },
    });
    expect(again.keyId).toBe(`${standIn.roles.a}@second`);
    const [role] = await standIn.server.run<{ comment: string }>(
      "SELECT shobj_description($1::regrole, 'pg_authid') AS comment",
      [standIn.roles.a],
    );
    expect(role?.comment).toBe('of the billing team [keyferry second]');
    await postgres.verify(rig.call(), again);
  });

  it('writes no password into the log of the server, which logs every statement', async () => {
    const rig = await startRig();
    const before = rig.standIn.server.log().length;
    const minted = await postgres.mint(await rig.plan());
    await postgres.verify(rig.call(), minted);
    await postgres.check(rig.call());
    await postgres.revoke?.(rig.keyCall(idOf(minted), { because: 'taken_back' }));
    const log = rig.standIn.server.log().slice(before);
    expect(log).toContain('LOGIN PASSWORD');
    expect(log).toContain('CREATE TEMPORARY TABLE');
    const passwords = [
      fieldsOf(minted.value)?.password ?? '',
      rig.standIn.adminPassword,
      fieldsOf(SecretValue.fromText(rig.standIn.initial ?? ''))?.password ?? '',
    ];
    for (const password of passwords) {
      expect(password.length).toBeGreaterThan(20);
      expect(log).not.toContain(password);
    }
  });

  it('applies the same password again after it was cut off', async () => {
    const rig = await startRig();
    const planned = await rig.plan();
    const once = await postgres.mint(planned);
    const twice = await postgres.mint(planned);
    expect(twice.value.equals(once.value)).toBe(true);
    expect(twice.keyId).toBe(once.keyId);
    await postgres.verify(rig.call(), twice);
  });

  it('takes back what it may have made, where nothing was heard of it', async () => {
    const rig = await startRig();
    const planned = await rig.plan();
    await postgres.mint(planned);
    const unheard = rig.keyCall(null, { because: 'taken_back', stepId: planned.stepId });
    await postgres.disable?.(unheard);
    await postgres.revoke?.(unheard);
    await postgres.revoke?.(unheard);
    const { a, b } = rig.standIn.roles;
    const rows = await rig.standIn.server.run<{ name: string; live: boolean }>(
      'SELECT rolname AS name, rolcanlogin AS live FROM pg_roles WHERE rolname IN ($1, $2) ORDER BY 1',
      [a, b],
    );
    expect(rows).toEqual([
      { name: a, live: true },
      { name: b, live: false },
    ]);
    await rig.plan();
  });

  it('makes nothing where another login may be used by somebody', async () => {
    const rig = await startRig();
    await rig.standIn.addForeignKey?.();
    const error = await failureOf(rig.plan());
    expect(error.failure).toBe('refused');
    expect(error.message).toContain('someone may be using it');
  });

  it('makes nothing where the login was changed since it was looked at', async () => {
    const rig = await startRig();
    const planned = await rig.plan();
    const id = await rig.standIn.addForeignKey?.();
    expect((await failureOf(postgres.mint(planned))).failure).toBe('refused');
    expect(await rig.standIn.keys()).toContainEqual({ id, madeBy: 'other', state: 'live' });
  });

  it('lets a late word about an earlier key do nothing to a later one', async () => {
    const rig = await startRig();
    const earlier = await postgres.mint(await rig.plan());
    const { a, b } = rig.standIn.roles;
    await postgres.revoke?.(rig.keyCall(idOf(earlier)));
    const later = await postgres.mint(await rig.plan());
    for (const late of [idOf(earlier), b]) {
      await postgres.disable?.(rig.keyCall(late, { cutOff: true }));
      await postgres.revoke?.(rig.keyCall(late, { cutOff: true }));
    }
    await postgres.verify(rig.call(), later);
    expect(await postgres.lastUsedAtMs?.(rig.keyCall(idOf(earlier)))).toBeUndefined();
    // A login that is not there is no key either.
    await postgres.revoke?.(rig.keyCall('nobody@step'));
    await postgres.revoke?.(rig.keyCall(null));
    await rig.standIn.server.run(`DROP ROLE ${b}`);
    await postgres.disable?.(rig.keyCall(idOf(later)));
    await postgres.revoke?.(rig.keyCall(idOf(later)));
    expect((await failureOf(rig.plan())).message).toContain(`no login "${b}"`);
    expect(await postgres.lastUsedAtMs?.(rig.keyCall(a))).toBeUndefined();
  });

  it('holds while somebody is connected by the old key, and says who', async () => {
    const rig = await startRig();
    const { a } = rig.standIn.roles;
    const session = await rig.logIn(SecretValue.fromText(rig.standIn.initial ?? ''), 'billing');
    expect(await postgres.lastUsedAtMs?.(rig.keyCall(a))).toBe(CLOCK.now());
    for (const action of [postgres.disable, postgres.revoke]) {
      const error = await failureOf(action?.(rig.keyCall(a)) ?? Promise.resolve());
      expect(error.failure).toBe('in_use');
      expect(error.message).toBe(`"${a}" still has 1 session open (billing).`);
    }
    expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await session.end();
    await expect.poll(() => postgres.lastUsedAtMs?.(rig.keyCall(a))).toBeUndefined();
    await postgres.disable?.(rig.keyCall(a));
  });

  it('ends the sessions of the old key in an emergency', async () => {
    const rig = await startRig();
    const { a, admin } = rig.standIn.roles;
    const session = await rig.logIn(SecretValue.fromText(rig.standIn.initial ?? ''));
    await rig.standIn.server.run(`REVOKE pg_signal_backend FROM ${admin}`);
    const error = await failureOf(
      postgres.disable?.(rig.keyCall(a, { cutOff: true })) ?? Promise.resolve(),
    );
    expect(error.failure).toBe('refused');
    expect(error.whatToDo).toContain('GRANT pg_signal_backend');
    await expect(rig.logIn(SecretValue.fromText(rig.standIn.initial ?? ''))).rejects.toThrow();
    await rig.standIn.server.run(`GRANT pg_signal_backend TO ${admin}`);
    await postgres.revoke?.(rig.keyCall(a, { cutOff: true }));
    await expect(session.query('SELECT 1')).rejects.toThrow();
  });

  it('answers nothing but SCRAM, and believes no server that does not ask', async () => {
    const rig = await startRig();
    const minted = await postgres.mint(await rig.plan());
    const { b, admin } = rig.standIn.roles;
    for (const method of ['trust', 'password']) {
      await rig.standIn.server.allow([`hostssl all ${b},${admin} 127.0.0.1/32 ${method}`]);
      onTestFinished(() => rig.standIn.server.allow([]));
      await expect
        .poll(async () => (await failureOf(postgres.verify(rig.call(), minted))).message)
        .toContain('does not ask');
      expect((await failureOf(rig.plan())).failure).toBe('refused');
    }
  });

  it('refuses a value that does not work, whatever the reason', async () => {
    const rig = await startRig();
    const minted = await postgres.mint(await rig.plan());
    const { b, owner } = rig.standIn.roles;
    const { server } = rig.standIn;
    const verify = async (): Promise<ProviderError> =>
      await failureOf(postgres.verify(rig.call(), minted));

    await server.run(`REVOKE ${owner} FROM ${b}`);
    expect(await verify()).toMatchObject({ failure: 'refused' });
    expect((await verify()).whatToDo).toContain(`GRANT "${owner}" TO "${b}"`);
    await server.run(`GRANT ${owner} TO ${b}`);
    await server.run(`ALTER ROLE ${b} VALID UNTIL '2000-01-01'`);
    expect(await verify()).toMatchObject({ failure: 'refused' });
    await server.run(`ALTER ROLE ${b} VALID UNTIL 'infinity' NOLOGIN`);
    expect((await verify()).message).toContain('does not let');
    await server.run(`ALTER ROLE ${b} LOGIN CONNECTION LIMIT 0`);
    expect((await verify()).failure).toBe('throttled');
    await server.run(`ALTER ROLE ${b} CONNECTION LIMIT -1 PASSWORD 'another'`);
    expect((await verify()).message).toBe(`The server refused the password of "${b}".`);
    const foreign = SecretValue.fromText('{"username":"postgres","password":"x"}');
    expect((await failureOf(postgres.verify(rig.call(), { value: foreign }))).failure).toBe(
      'refused',
    );
  });

  it('tries the statement that the config says, alone, and takes it back', async () => {
    const rig = await startRig({ testStatement: 'CREATE TABLE left_behind (n int)' });
    const minted = await postgres.mint(await rig.plan());
    expect((await failureOf(postgres.verify(rig.call(), minted))).whatToDo).toContain(
      'testStatement',
    );
    const session = await rig.logIn(minted.value);
    const works = { ...rig.config, testStatement: 'CREATE TEMPORARY TABLE left_behind (n int)' };
    await postgres.verify(rig.call({ config: works }), minted);
    expect((await session.query("SELECT to_regclass('left_behind') AS found")).rows).toEqual([
      { found: null },
    ]);
    const two = { ...rig.config, testStatement: 'SELECT 1; COMMIT' };
    expect((await failureOf(postgres.verify(rig.call({ config: two }), minted))).failure).toBe(
      'refused',
    );
  });

  it('checks what a run will need, and changes nothing', async () => {
    const rig = await startRig();
    const { server, roles } = rig.standIn;
    const good = await postgres.check(rig.call());
    expect(good.filter(({ ok }) => !ok)).toEqual([]);
    expect(good.map(({ what }) => what)).toContain('log in by the value in use');
    expect(await rig.standIn.keys()).toHaveLength(1);

    await server.run(`ALTER ROLE ${roles.admin} NOCREATEROLE`);
    await server.run(`REVOKE ${roles.owner} FROM ${roles.b}`);
    await server.run(`REVOKE pg_signal_backend FROM ${roles.admin}`);
    const bad = await postgres.check(rig.call());
    expect(bad.filter(({ ok }) => !ok).map(({ what }) => what)).toEqual([
      'alter the two login roles',
      `role ${roles.b}`,
      'end sessions in an emergency',
    ]);
    const error = await failureOf(rig.plan().then((planned) => postgres.mint(planned)));
    expect(error.message).toContain('may not alter');

    const wrong = new Map([['adminPassword', SecretValue.fromText('wrong')]]);
    const none = await postgres.check(rig.call({ credentials: wrong }));
    expect(none[0]).toMatchObject({ ok: false, what: `log in as ${roles.admin}` });
  });

  it.each([
    ['another authority', { ca: undefined }, 'certificate'],
    ['a closed port', { port: 1 }, 'ECONNREFUSED'],
    ['a server that does not exist', { host: 'nowhere.invalid' }, 'broke off'],
  ])('says of %s what to look at, and tries again', async (_name, changes, word) => {
    const rig = await startRig();
    const config = { ...rig.config, ...changes } as Config;
    const error = await failureOf(postgres.plan(rig.call({ config })));
    expect(error.failure).toBe('unavailable');
    expect(`${error.message} ${error.whatToDo}`).toContain(word);
  });

  it('is not known to have happened when the answer of a minting is lost', async () => {
    const rig = await startRig({});
    const config = postgres.config.parse(rig.standIn.config);
    rig.standIn.fail('lost_answer');
    const planned = { ...(await rig.plan()), config };
    const error = await failureOf(postgres.mint(planned));
    expect(error.failure).toBe('unknown');
    const minted = await postgres.mint(planned);
    await postgres.verify(rig.call(), minted);
    for (const [fault, failure] of [
      ['throttled', 'throttled'],
      ['unavailable', 'unavailable'],
      ['wrong_credentials', 'refused'],
    ] as const) {
      rig.standIn.fail(fault);
      expect((await failureOf(postgres.mint(planned))).failure).toBe(failure);
    }
  });

  it('lets go when its time is over', async () => {
    const rig = await startRig();
    const over = AbortSignal.abort();
    expect((await failureOf(postgres.plan(rig.call({ signal: over })))).failure).toBe(
      'unavailable',
    );
    const slow = { ...rig.config, testStatement: 'SELECT pg_sleep(60)' };
    const call = rig.call({ config: slow, signal: AbortSignal.timeout(500) });
    const value = SecretValue.fromText(rig.standIn.initial ?? '');
    expect((await failureOf(postgres.verify(call, { value }))).failure).toBe('unavailable');
  });
});

describe('the config of PostgreSQL', () => {
  const good = {
    host: 'db.example.com',
    database: 'app',
    admin: 'keyferry_admin',
    adminPassword: 'postgres_admin',
    logins: ['app_a', 'app_b'],
    owner: 'app_owner',
  };

  it.each([
    ['tls', { tls: false }],
    ['logins', { logins: ['app_a', 'app_a'] }],
    ['admin', { admin: 'app_a' }],
    ['host', { host: '/var/run/postgresql' }],
    ['ca', { ca: randomBytes(8).toString('hex') }],
    ['logins', { logins: ['app_a', 'app b'] }],
  ])('has a problem at %s: %j', (field, changes) => {
    const { success, error } = postgres.config.safeParse({ ...good, ...changes });
    expect(success).toBe(false);
    expect(error?.issues.map(({ path }) => path[0])).toContain(field);
  });

  it('may leave TLS out on loopback, and names its server once', () => {
    const config = postgres.config.parse({ ...good, host: '127.0.0.1', tls: false });
    expect(config.port).toBe(5432);
    const call = { config: { ...config, logins: ['app_b', 'app_a'] } } as ProviderCall<Config>;
    return expect(postgres.principal(call)).resolves.toBe('127.0.0.1:5432/app_a+app_b');
  });
});

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createNotifier, type Notifier, type OutgoingMessage } from '../../src/alerts/index.js';
import {
  type AlertFinding,
  type Channel,
  type ChannelSettings,
  type Delivery,
  PROVIDERS_ENVIRONMENT,
  SecretValue,
} from '../../src/core/index.js';
import { createOutbound } from '../../src/proxy/index.js';
import { makeAuthority, makeCertificate } from '../support/make-certificate.js';
import { TEST_ACTOR as actor, openTestStore, type TestStore } from '../support/open-test-store.js';

const PASSWORD = 'canary-mail-password-7f3a';
const SIGNING_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const MINUTE_MS = 60_000;
const base = { events: null, leastUrgency: 'notice', cooldownMinutes: 60 } as const;

let opened: TestStore;
let notifier: Notifier;
const errors: unknown[] = [];
const lines: OutgoingMessage[] = [];
const outcomes: string[] = [];

beforeEach(async () => {
  opened = await openTestStore();
  start();
});
afterEach(async () => {
  await notifier.close();
  await opened.cleanUp();
  expect(errors.splice(0)).toEqual([]);
  lines.length = 0;
  outcomes.length = 0;
});

function start(): Notifier {
  notifier = createNotifier({
    store: opened.store,
    outbound: createOutbound(),
    clock: opened.clock,
    consoleUrl: 'https://keyferry.example.com/',
    log: (message) => lines.push(message),
    onAttempt: (outcome) => outcomes.push(outcome),
    onError: (error) => errors.push(error),
  });
  return notifier;
}

async function credential(secret: string, value: string): Promise<string> {
  await opened.store.createSecret({ actor, name: secret });
  const environment = PROVIDERS_ENVIRONMENT;
  await opened.store.addVersion({ actor, secret, environment, value: SecretValue.fromText(value) });
  return secret;
}

function channel(settings: ChannelSettings, name = settings.kind): Promise<Channel> {
  return opened.store.createChannel({ actor, name, settings });
}

const finding = (changed: Partial<AlertFinding> = {}): AlertFinding => ({
  kind: 'secret_overdue',
  subject: 'pay_key production',
  urgency: 'urgent',
  secret: 'pay_key',
  environment: 'production',
  summary: 'Version 1 of pay_key in production is older than 90 days.',
  whatToDo: 'Make a new key <where> it is issued & bring it in.',
  command: 'keyferry rotate pay_key --environment production',
  sinceMs: opened.clock.now(),
  count: 1,
  ...changed,
});

async function deliveries(): Promise<readonly Delivery[]> {
  return (await opened.store.listDeliveries({})).items;
}

/** What was posted, and what is answered next. */
async function startReceiver() {
  const posts: { headers: IncomingMessage['headers']; body: string }[] = [];
  const answers: { status: number; headers?: Record<string, string> }[] = [];
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    posts.push({ headers: request.headers, body });
    const { status, headers = {} } = answers.shift() ?? { status: 200 };
    response.writeHead(status, headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { posts, answers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

async function startMailServer(options: SMTPServerOptions) {
  const mails: { raw: string; mail: Email; user: unknown }[] = [];
  const server = new SMTPServer({
    authOptional: false,
    onAuth({ username, password }, _session, done) {
      if (username === 'keyferry' && password === PASSWORD) done(null, { user: username });
      else done(new Error('no'));
    },
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', async () => {
        const raw = Buffer.concat(pieces).toString();
        mails.push({ raw, mail: await PostalMime.parse(raw), user: session.user });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { mails, port: (server.server.address() as AddressInfo).port };
}

async function mailSettings(port: number, ca: string | null) {
  return {
    ...base,
    kind: 'email',
    host: 'localhost',
    port,
    security: 'starttls',
    from: 'Keyferry <keyferry@example.com>',
    to: ['on-call@example.com', 'kim@example.com'],
    username: 'keyferry',
    passwordSecret: await credential('mail_password', PASSWORD),
    ca,
  } as const;
}

describe('e-mail', () => {
  test('goes by STARTTLS with a password, says what to do, and holds no value', async () => {
    const authority = await makeAuthority();
    const certificate = await makeCertificate(authority, { dns: ['localhost'] });
    const server = await startMailServer({ ...certificate });
    await channel(await mailSettings(server.port, authority.cert));
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(outcomes).toEqual(['sent']);
    const [{ raw, mail, user } = { raw: '', mail: {} as Email, user: undefined }] = server.mails;
    expect(user).toBe('keyferry');
    expect(mail.subject).toBe('Overdue: pay_key in production');
    expect(mail.to?.map(({ address }) => address)).toEqual([
      'on-call@example.com',
      'kim@example.com',
    ]);
    expect(mail.text).toContain('Make a new key <where> it is issued & bring it in.');
    expect(mail.text).toContain('keyferry rotate pay_key --environment production');
    expect(mail.text).toContain('https://keyferry.example.com/secrets/pay_key#production');
    expect(mail.html).toContain('&lt;where&gt; it is issued &amp; bring');
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(raw).not.toContain(PASSWORD);
    const [delivery] = await deliveries();
    expect(raw).toContain(`<${delivery?.id}@keyferry.invalid>`);
  });

  test('is not sent to a server without STARTTLS, nor to one that nobody vouches for', async () => {
    const plain = await startMailServer({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] });
    const settings = await mailSettings(plain.port, null);
    const created = await channel(settings);
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(plain.mails).toEqual([]);
    expect((await deliveries())[0]?.problem).toContain('STARTTLS');

    const certificate = await makeCertificate(await makeAuthority(), { dns: ['localhost'] });
    const unknown = await startMailServer({ ...certificate });
    const { id } = created;
    await opened.store.updateChannel({ actor, id, settings: { ...settings, port: unknown.port } });
    opened.clock.advance(MINUTE_MS);
    await notifier.tick();
    expect(unknown.mails).toEqual([]);
    expect(outcomes).toEqual(['retried', 'retried']);
    const found = await opened.store.getChannel(id);
    expect(found?.lastProblem).toMatch(/certificate is not trusted|TLS fails/);
  });

  test('a wrong password is told as such, and tried again', async () => {
    const authority = await makeAuthority();
    const certificate = await makeCertificate(authority, { dns: ['localhost'] });
    const server = await startMailServer({ ...certificate });
    const settings = await mailSettings(server.port, authority.cert);
    await channel({ ...settings, username: 'somebody-else' });
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(outcomes).toEqual(['retried']);
    expect((await deliveries())[0]?.problem).toBe(
      'The mail server refuses user name or password (535).',
    );
  });

  test('a recipient that the server refuses for good is given up', async () => {
    const authority = await makeAuthority();
    const certificate = await makeCertificate(authority, { dns: ['localhost'] });
    const server = await startMailServer({
      ...certificate,
      onRcptTo: (_address, _session, done) =>
        done(Object.assign(new Error('no'), { responseCode: 550 })),
    });
    await channel(await mailSettings(server.port, authority.cert));
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(outcomes).toEqual(['given_up']);
  });

  test('names put nothing into a mail but themselves', async () => {
    const authority = await makeAuthority();
    const certificate = await makeCertificate(authority, { dns: ['localhost'] });
    const server = await startMailServer({ ...certificate });
    await channel(await mailSettings(server.port, authority.cert));
    const secret = 'a\r\nBcc: evil@example.com\r\n\r\nhello';
    await opened.store.raiseAlerts([finding({ secret, summary: '<img src=x onerror=alert(1)>' })]);
    await notifier.tick();
    const [sent] = server.mails;
    expect(sent?.mail.bcc ?? []).toEqual([]);
    expect(sent?.raw).not.toMatch(/^Bcc:/m);
    expect(sent?.mail.html).not.toContain('<img');
  });
});

describe('a webhook', () => {
  test('is signed as Standard Webhooks say, and keeps its id when it is tried again', async () => {
    const receiver = await startReceiver();
    receiver.answers.push({ status: 503, headers: { 'retry-after': '120' } });
    const signingSecret = await credential('hook_key', SIGNING_SECRET);
    const { url } = receiver;
    await channel({ ...base, kind: 'webhook', url, signingSecret, allowPrivateNetwork: true });
    // Receivers refuse what is older than five minutes: by their own clock.
    opened.clock.advance(Date.now() - opened.clock.now());
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    opened.clock.advance(MINUTE_MS);
    await notifier.tick();
    expect(receiver.posts).toHaveLength(1);
    opened.clock.advance(MINUTE_MS + 1);
    await notifier.tick();
    expect(outcomes).toEqual(['retried', 'sent']);
    const [first, second] = receiver.posts;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    const verifier = new Webhook(SIGNING_SECRET);
    for (const { headers, body } of receiver.posts) {
      const payload = verifier.verify(body, headers as Record<string, string>);
      expect(payload).toMatchObject({
        type: 'keyferry.secret_overdue',
        data: { secret: 'pay_key', environment: 'production', urgency: 'urgent' },
      });
      expect(() => verifier.verify(`${body} `, headers as Record<string, string>)).toThrow();
      expect(JSON.stringify([headers, body])).not.toContain(SIGNING_SECRET.slice(6));
    }
  });

  test('that will never be taken is given up at once; a redirect is not followed', async () => {
    const receiver = await startReceiver();
    receiver.answers.push({ status: 302, headers: { location: receiver.url } });
    const signingSecret = await credential('hook_key', SIGNING_SECRET);
    const { url } = receiver;
    await channel({ ...base, kind: 'webhook', url, signingSecret, allowPrivateNetwork: true });
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect([outcomes, receiver.posts.length]).toEqual([['given_up'], 1]);
  });

  test('at a private address gets nothing, and it says what allows that', async () => {
    const receiver = await startReceiver();
    const signingSecret = await credential('hook_key', SIGNING_SECRET);
    const hook = { ...base, kind: 'webhook', signingSecret } as const;
    await channel({ ...hook, url: receiver.url, allowPrivateNetwork: false });
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(receiver.posts).toEqual([]);
    const problem = (await deliveries())[0]?.problem;
    expect(problem).toMatch(/private, loopback or reserved address.*--allow-private-network/);
    expect(problem).not.toContain(receiver.url);
  });

  test('in the clear goes to this machine alone, whatever is allowed', async () => {
    const signingSecret = await credential('hook_key', SIGNING_SECRET);
    const url = 'http://192.0.2.1/told';
    await channel({ ...base, kind: 'webhook', url, signingSecret, allowPrivateNetwork: true });
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect((await deliveries())[0]?.problem).toMatch(/"http:" goes to this machine alone.*https:/);
  });

  test('without its signing secret nothing is sent, and it says which is missing', async () => {
    const receiver = await startReceiver();
    const { url } = receiver;
    await channel({
      ...base,
      kind: 'webhook',
      url,
      signingSecret: 'gone',
      allowPrivateNetwork: true,
    });
    await opened.store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(receiver.posts).toEqual([]);
    expect((await deliveries())[0]?.problem).toContain('"gone" has no current value in _providers');
  });
});

describe('Slack', () => {
  test('gets blocks in which names are only names, and @channel for what is urgent', async () => {
    const receiver = await startReceiver();
    const urlSecret = await credential('slack_hook', `${receiver.url}/T0/B0/canary-slack-5d1c`);
    await channel({
      ...base,
      kind: 'slack',
      urlSecret,
      mentionChannel: true,
      allowPrivateNetwork: true,
    });
    const summary = 'one <!everyone> & <https://evil.example|link>';
    await opened.store.raiseAlerts([
      finding({ summary }),
      finding({ subject: 'other', urgency: 'notice' }),
    ]);
    await notifier.tick();
    const bodies = receiver.posts.map(({ body }) => body);
    expect(bodies.filter((body) => body.includes('<!channel>'))).toHaveLength(1);
    const urgent = bodies.find((body) => body.includes('everyone')) ?? '';
    expect(urgent).toContain('one &lt;!everyone&gt; &amp; &lt;https://evil.example|link&gt;');
    expect(bodies.join()).not.toContain('canary-slack');
  });
});

describe('what is told', () => {
  const log = { ...base, kind: 'log' } as const;

  test('an alert once, again when it is more urgent, and not again within the cooldown', async () => {
    await channel(log);
    const { store, clock } = opened;
    await store.raiseAlerts([finding({ urgency: 'notice' })]);
    await store.raiseAlerts([finding({ urgency: 'notice' })]);
    await store.raiseAlerts([finding({ urgency: 'urgent' })]);
    await notifier.tick();
    expect(lines.map(({ urgency }) => urgency)).toEqual(['notice', 'urgent']);
    const [alert] = (await store.listAlerts({ open: true })).items;
    await store.resolveAlerts({ ids: [alert?.id ?? ''], because: 'over' });
    clock.advance(MINUTE_MS);
    await store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(lines).toHaveLength(2);
    const [again] = (await store.listAlerts({ open: true })).items;
    await store.resolveAlerts({ ids: [again?.id ?? ''], because: 'over' });
    clock.advance(60 * MINUTE_MS);
    await store.raiseAlerts([finding()]);
    await notifier.tick();
    expect(lines).toHaveLength(3);
  });

  test('each channel what it wants', async () => {
    await channel({ ...log, events: ['echo_hit'] }, 'echoes' as never);
    await channel({ ...log, leastUrgency: 'urgent' }, 'urgent' as never);
    await opened.store.raiseAlerts([finding({ urgency: 'warning' })]);
    expect(await deliveries()).toEqual([]);
    await opened.store.raiseAlerts([finding({ kind: 'echo_hit', urgency: 'urgent' })]);
    expect(await deliveries()).toHaveLength(2);
  });

  test('nothing is lost when the process ends between keeping and sending', async () => {
    await channel(log);
    await opened.store.raiseAlerts([finding()]);
    await notifier.close();
    opened = await opened.reopen();
    start();
    await notifier.tick();
    expect(lines).toHaveLength(1);
  });

  test('two processes send each once', async () => {
    await channel(log);
    const first = notifier;
    const second = start();
    const findings = Array.from({ length: 40 }, (_, index) => finding({ subject: `s${index}` }));
    await opened.store.raiseAlerts(findings);
    for (let round = 0; round < 4; round++) await Promise.all([first.tick(), second.tick()]);
    await first.close();
    expect(lines).toHaveLength(40);
    expect(new Set(lines.map(({ subject }) => subject)).size).toBe(40);
  });

  test('a channel with many messages does not hold up another', async () => {
    await channel({ ...log, events: ['secret_overdue'] }, 'many' as never);
    const about = (subject: string, kind: AlertFinding['kind']) => finding({ subject, kind });
    const findings = Array.from({ length: 40 }, (_, at) => about(`s${at}`, 'secret_overdue'));
    await opened.store.raiseAlerts(findings);
    await channel({ ...log, events: ['echo_hit'] }, 'few' as never);
    await opened.store.raiseAlerts([about('late', 'echo_hit')]);
    await notifier.tick();
    expect(lines).toHaveLength(10);
    expect(lines.map(({ subject }) => subject)).toContain('late');
  });

  test('a day without success is the end, and the channel says why', async () => {
    const receiver = await startReceiver();
    const signingSecret = await credential('hook_key', SIGNING_SECRET);
    const { url } = receiver;
    const settings = {
      ...base,
      kind: 'webhook',
      url,
      signingSecret,
      allowPrivateNetwork: true,
    } as const;
    const { id } = await channel(settings);
    await opened.store.raiseAlerts([finding()]);
    for (let hour = 0; hour < 40; hour++) {
      receiver.answers.push({ status: 500 });
      await notifier.tick();
      opened.clock.advance(60 * MINUTE_MS);
    }
    expect(outcomes.at(-1)).toBe('given_up');
    expect(outcomes.filter((outcome) => outcome === 'given_up')).toHaveLength(1);
    expect(receiver.posts.length).toBeLessThan(32);
    expect((await opened.store.getChannel(id))?.lastProblem).toBe('The webhook answered 500.');
    opened.clock.advance(91 * 24 * 60 * MINUTE_MS);
    await opened.store.tidyDeliveries();
    expect(await deliveries()).toEqual([]);
  });

  test('a test message is sent now, also where the channel wants nothing of the kind', async () => {
    const { id } = await channel({ ...log, events: ['echo_hit'] });
    const about = { secret: null, environment: null, title: 'Test', summary: 's', whatToDo: 'w' };
    const delivery = await opened.store.enqueueFor({
      channelId: id,
      message: {
        event: 'test',
        subject: id,
        urgency: 'notice',
        alertId: null,
        ...about,
        command: 'c',
        atMs: opened.clock.now(),
      },
    });
    expect(await notifier.sendNow(delivery.id)).toBeUndefined();
    expect(lines.map(({ event }) => event)).toEqual(['test']);
  });
});

import { describe, expect, it } from 'vitest';
import { checkRoutesDocument, createRoutesControl } from '../../src/config/index.js';
import { type Route, SecretValue } from '../../src/core/index.js';
import { openTestStore, TEST_ACTOR } from '../support/open-test-store.js';

type Json = Record<string, unknown>;

const upstream = 'https://api.example.com';
const base = { name: 'a', match: { pathPrefix: '/a' }, environments: { production: { upstream } } };
const withRoute = (changes: Json, own: Json = {}) =>
  checkRoutesDocument({
    routes: [{ ...base, ...changes, environments: { production: { upstream, ...own } } }],
  });

const HMAC = { key: '<<secret:k>>', canonical: '<<method>>', header: 'X-Signature' };
const AWS = { credentials: '<<secret:aws>>', service: 's3', region: 'eu-central-1' };
const hmac = (changes: Json) => ({ sign: { hmac: { ...HMAC, ...changes } } });
const aws = (changes: Json) => ({ sign: { aws: { ...AWS, ...changes } } });

describe('a placement', () => {
  it.each([
    [{ path: '/bot<<secret:t>>' }],
    [{ path: '/a/<<secret:t>>:<<base64:u>>/%2Bx' }],
    [{ body: { json: { '/a': '<<secret:a>>', '/b/0/~0~1': 'x', '/': 'y' } } }],
    [{ body: { form: { 'client secret': '<<secret:a>>' }, maxBytes: 67_108_864 } }],
    [hmac({ canonical: '<<timestamp>>\n<<nonce>>', prefix: 't=<<timestamp>>,n=<<nonce>>,v=' })],
    [hmac({ canonical: '<<timestamp>>', timestamp: { header: 'X-Time', format: 'http' } })],
    [hmac({ key: '<<secret:a>>&<<secret:b>>', keyEncoding: 'hex', algorithm: 'sha1' })],
    [aws({ credentials: '<<secret:aws@3>>', maxBodyBytes: 1 })],
    [aws({ credentials: '{{secret:aws}}' })],
  ])('%j is taken', (changes) => {
    expect(withRoute(changes)).toMatchObject({ problems: [], warnings: [] });
    expect(withRoute({}, changes)).toMatchObject({ problems: [], warnings: [] });
  });

  it.each([
    [{ path: 'bot' }, 'path', 'must begin with "/"'],
    [{ path: '/bot<<secret:t>>/' }, 'path', 'leave out the "/" at the end'],
    [{ path: '/../<<secret:t>>' }, 'path', '"." and ".."'],
    [{ path: '//<<secret:t>>' }, 'path', 'an empty segment'],
    [{ path: '/<<secret:t>>?a=1' }, 'path', 'a query does not belong here'],
    [{ path: '/a b' }, 'path', 'must be percent-encoded'],
    [{ path: '/<<secrt:t>>' }, 'path', 'is not a template function'],
    [{ path: 7 }, 'path', 'a string is expected'],
    [{ body: { json: { a: 'x' } } }, 'body.json.a', 'a JSON pointer is expected'],
    [{ body: { json: { '': 'x' } } }, 'body.json[""]', 'a JSON pointer is expected'],
    [{ body: { json: { '/a~2': 'x' } } }, 'body.json["/a~2"]', 'a JSON pointer is expected'],
    [{ body: { json: { '/a/b': 'x', '/a': 'y' } } }, 'body.json["/a/b"]', 'it lies within "/a"'],
    [{ body: { json: { '/a': '<<secret:>>' } } }, 'body.json["/a"]', 'is not a secret'],
    [{ body: { form: { '': 'x' } } }, 'body.form[""]', 'the name of a form field'],
    [{ body: { form: { a: '<<x' } } }, 'body.form.a', 'never closed'],
    [{ body: { maxBytes: 67_108_865 } }, 'body.maxBytes', 'at most 67108864'],
    [{ body: { jsn: {} } }, 'body.jsn', 'is not a key of'],
    [{ sign: {} }, 'sign', 'one of hmac and aws is expected'],
    [{ sign: { hmac: HMAC, aws: AWS } }, 'sign', 'one of hmac and aws is expected'],
    [hmac({ header: 'Content-Length' }), 'sign.hmac.header', 'belongs to the connection'],
    [hmac({ header: 'Keyferry-X' }), 'sign.hmac.header', "is Keyferry's own"],
    [hmac({ nonce: { header: 'x_signature' } }), 'sign.hmac.nonce.header', 'is used twice'],
    [hmac({ timestamp: { header: 'a b' } }), 'sign.hmac.timestamp.header', 'is not a header name'],
    [hmac({ key: 'plain' }), 'sign.hmac.key', 'a secret is expected'],
    [hmac({ canonical: '<<metod>>' }), 'sign.hmac.canonical', 'is no template'],
    [hmac({ canonical: '<<header>>' }), 'sign.hmac.canonical', 'is no template'],
    [hmac({ canonical: 'a\u0000' }), 'sign.hmac.canonical', 'character 2 is a control character'],
    [hmac({ canonical: '<<timestamp>>' }), 'sign.hmac.canonical', 'set timestamp.header'],
    [hmac({ canonical: '<<nonce>>' }), 'sign.hmac.canonical', 'set nonce.header'],
    [hmac({ prefix: '<<body>>' }), 'sign.hmac.prefix', 'only <<timestamp>> and <<nonce>>'],
    [hmac({ prefix: 'a\n' }), 'sign.hmac.prefix', 'control character'],
    [hmac({ algorithm: 'md5' }), 'sign.hmac.algorithm', 'expected one of sha256, sha512, sha1'],
    [aws({ credentials: 'AKIA' }), 'sign.aws.credentials', 'and nothing else'],
    [aws({ credentials: '<<secret:a.b>>' }), 'sign.aws.credentials', 'and nothing else'],
    [aws({ credentials: '<<secret:a>><<secret:b>>' }), 'sign.aws.credentials', 'and nothing else'],
    [aws({ credentials: '<<base64:a>>' }), 'sign.aws.credentials', 'and nothing else'],
    [aws({ region: '' }), 'sign.aws.region', 'a region is expected'],
    [aws({ service: 'S3' }), 'sign.aws.service', 'as s3'],
    [{ ...aws({}), headers: { authorization: 'x' } }, 'headers.authorization', 'set by "sign"'],
    [{ ...hmac({}), headers: { x_signature: 'x' } }, 'headers.x_signature', 'set by "sign"'],
    [
      { body: { json: { '/a': 'x' } }, headers: { 'Content-Type': 'a/b' } },
      'headers["Content-Type"]',
      "must be the client's",
    ],
  ])('%j is refused at %s', (changes, path, message) => {
    const expected = expect.objectContaining({
      path: `routes[0].environments.production.${path}`,
      message: expect.stringContaining(message) as string,
    });
    expect(withRoute({}, changes).problems).toContainEqual(expected);
  });

  it('is refused when an environment adds what the route signs', () => {
    const { problems } = withRoute(aws({}), { headers: { Authorization: '<<secret:a>>' } });
    expect(problems.map(({ path }) => path)).toEqual([
      'routes[0].environments.production.headers.Authorization',
    ]);
  });
});

describe('secrets in any placement', () => {
  const PLACES: readonly (readonly [string, Partial<Route>, string])[] = [
    ['headers.A', { headers: { A: '<<secret:s>>' } }, 's'],
    ['query.a', { query: { a: '<<base64:s>>' } }, 's'],
    ['path', { path: '/<<secret:s>>' }, 's'],
    ['body.json["/a"]', { body: { json: { '/a': '<<basic:s,s>>' } } }, 's'],
    ['body.form.a', { body: { form: { a: '<<secret:s>>' } } }, 's'],
    ['sign.hmac.key', { sign: { hmac: { ...HMAC, key: '<<secret:s>>' } } }, 's'],
    ['sign.hmac.canonical', hmacWith({ canonical: '<<secret:s>>' }), 's'],
    ['sign.hmac.prefix', hmacWith({ prefix: '<<secret:s>>' }), 's'],
    ['sign.aws.credentials', { sign: { aws: { ...AWS, credentials: '<<secret:s>>' } } }, 's'],
  ];

  function hmacWith(changes: Json): Partial<Route> {
    return { sign: { hmac: { ...HMAC, key: '<<secret:other>>', ...changes } } };
  }

  it.each(PLACES)('at %s need a value, and keep to their hosts', async (place, changes) => {
    const { store } = await openTestStore();
    const control = createRoutesControl({ store });
    const actor = TEST_ACTOR;
    await store.createSecret({ actor, name: 'other' });
    const value = SecretValue.fromText('some-value');
    await store.addVersion({ actor, secret: 'other', environment: 'production', value });
    const document = { routes: [{ ...base, ...changes }] };
    const at = (message: string) =>
      expect.objectContaining({
        path: `routes[0].${place}`,
        message: expect.stringContaining(message) as string,
      });
    expect((await control.validate({ document })).problems).toContainEqual(
      at('there is no secret "s"'),
    );
    await store.createSecret({ actor, name: 's', allowedHosts: ['elsewhere.example'] });
    const { problems } = await control.validate({ document });
    expect(problems).toContainEqual(at('has no value in "production"'));
    expect(problems).toContainEqual(at('may be sent to elsewhere.example only'));
    const own = {
      routes: [{ ...base, environments: { production: { upstream, ...changes } } }],
    } as const;
    expect((await control.validate({ document: own })).problems).toContainEqual(
      expect.objectContaining({ path: `routes[0].environments.production.${place}` }),
    );
  });

  it('of a key pair need both of its fields, the session token not', async () => {
    const { store } = await openTestStore();
    const control = createRoutesControl({ store });
    const actor = TEST_ACTOR;
    const document = { routes: [{ ...base, sign: { aws: AWS } }] };
    await store.createSecret({ actor, name: 'aws', kind: 'aws' });
    const add = (fields: Readonly<Record<string, string>>) =>
      store.addVersion({
        actor,
        secret: 'aws',
        environment: 'production',
        value: SecretValue.fromText(JSON.stringify(fields)),
        fields: Object.keys(fields),
      });
    await add({ accessKeyId: 'AKIA' });
    expect((await control.validate({ document })).problems).toEqual([
      {
        path: 'routes[0].sign.aws.credentials',
        message:
          'version 1 of "aws" in "production" has the fields accessKeyId, not "secretAccessKey"',
      },
    ]);
    const { version } = await add({ accessKeyId: 'AKIA', secretAccessKey: 'x' });
    await store.activateVersion({ actor, secret: 'aws', environment: 'production', version });
    expect((await control.validate({ document })).problems).toEqual([]);
  });
});

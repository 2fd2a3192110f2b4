import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRoutesDocument } from '../../src/config/index.js';
import type { Problem } from '../../src/core/index.js';

type Json = Record<string, unknown>;

const upstream = 'https://api.example.com';
const base = { name: 'a', match: { pathPrefix: '/a' }, environments: { production: { upstream } } };

const check = (value: unknown) => checkRoutesDocument(value);
/** A document of one sound route with some of its parts replaced. */
const withRoute = (changes: Json) => check({ routes: [{ ...base, ...changes }] });
const withMatch = (match: Json) => withRoute({ match });
const withUpstream = (text: string, more: Json = {}) =>
  withRoute({ environments: { production: { upstream: text, ...more } } });
const paths = (problems: readonly Problem[]) => problems.map(({ path }) => path);

describe('the structure of a routes document', () => {
  it('is accepted as it is', () => {
    const document = { $schema: './routes.schema.json', routes: [base] };
    expect(check(document)).toMatchObject({ document, problems: [], warnings: [] });
    expect(check({ routes: [] })).toMatchObject({ problems: [] });
  });

  it.each([
    [null, '$', 'found null; an object'],
    ['text', '$', 'found a string of 4 characters; an object'],
    [{}, 'routes', 'missing; a list'],
    [{ routes: {} }, 'routes', 'found an object; a list'],
    [{ routes: [7] }, 'routes[0]', 'found the number 7; an object'],
    [{ routes: [{ ...base, name: 'a b' }] }, 'routes[0].name', 'found "a b"; expected a letter'],
    [{ routes: [{ ...base, name: '' }] }, 'routes[0].name', 'expected a letter'],
    [{ routes: [{ ...base, stripPrefix: 'no' }] }, 'routes[0].stripPrefix', 'true or false'],
    [{ routes: [{ ...base, maxRequestBytes: -1 }] }, 'routes[0].maxRequestBytes', 'at least 0'],
    [{ routes: [{ ...base, maxRequestBytes: 1.5 }] }, 'routes[0].maxRequestBytes', 'whole number'],
    [
      { routes: [{ ...base, headers: { A: 1 } }] },
      'routes[0].headers.A',
      'found the number 1; a string',
    ],
    [{ routes: [{ ...base, headers: { 'X-A': null } }] }, 'routes[0].headers["X-A"]', 'found null'],
    [{ routes: [{ ...base, timeouts: { idleMs: 0 } }] }, 'routes[0].timeouts.idleMs', 'at least 1'],
    [
      { routes: [{ ...base, match: { pathPrefix: '/a', methods: [] } }] },
      'routes[0].match.methods',
      'at least 1',
    ],
    [{ routes: [{ ...base, match: {} }] }, 'routes[0].match', 'pathPrefix, host, or both'],
    [
      { routes: [{ ...base, environments: {} }] },
      'routes[0].environments',
      'at least one environment',
    ],
  ])('%j is refused at %s', (document, path, message) => {
    expect(check(document).problems).toEqual([
      expect.objectContaining({ path, message: expect.stringContaining(message) }),
    ]);
  });

  it.each([
    [{ routs: [], routes: [] }, 'routs', 'routes'],
    [{ routes: [{ ...base, header: {} }] }, 'routes[0].header', 'headers'],
    [
      { routes: [{ ...base, match: { pathPrefix: '/a', hots: 'b' } }] },
      'routes[0].match.hots',
      'host',
    ],
    [{ routes: [{ ...base, timeouts: { idleMS: 5 } }] }, 'routes[0].timeouts.idleMS', 'idleMs'],
    [{ routes: [{ ...base, tls: { CA: '' } }] }, 'routes[0].tls.CA', 'ca'],
    [{ routes: [{ ...base, echoScrub: 'of' }] }, 'routes[0].echoScrub', 'off'],
    [
      { routes: [{ ...base, environments: { production: { upstream, querry: {} } } }] },
      'routes[0].environments.production.querry',
      'query',
    ],
    [
      { routes: [{ ...base, environments: { Production: { upstream } } }] },
      'routes[0].environments.Production',
      'production',
    ],
  ])('%j: the nearest spelling is named', (document, path, nearest) => {
    expect(check(document).problems).toContainEqual(expect.objectContaining({ path, nearest }));
  });

  it('has no place for the environment of rotation providers', () => {
    const { problems } = withRoute({ environments: { _providers: { upstream } } });
    expect(problems).toEqual([
      expect.objectContaining({
        path: 'routes[0].environments._providers',
        message: expect.stringContaining('rotation providers'),
      }),
    ]);
  });

  it('has no hidden keys', () => {
    const hidden: unknown = JSON.parse(
      `{"routes": [{"name": "a", "match": {"host": "a.b"}, "headers": {"__proto__": "x"}, "environments": {"production": {"upstream": "${upstream}"}}}]}`,
    );
    expect(paths(check(hidden).problems)).toEqual(['routes[0].headers.__proto__']);
  });

  it('is reported whole: sound parts are checked beside broken ones', () => {
    const { problems } = check({
      routes: [
        {
          name: 1,
          match: { pathPrefix: 'a', methods: ['get', 7] },
          headers: { Host: 'x', B: 5 },
          environments: { production: { upstream: 'ftp://a', stripPrefix: 1 }, Staging: {} },
        },
        { ...base, name: 'b' },
        { ...base, name: 'b' },
      ],
      more: true,
    });
    expect(paths(problems).sort()).toEqual([
      'more',
      'routes[0].environments.Staging',
      'routes[0].environments.production.stripPrefix',
      'routes[0].environments.production.upstream',
      'routes[0].headers.B',
      'routes[0].headers.Host',
      'routes[0].match.methods[0]',
      'routes[0].match.methods[1]',
      'routes[0].match.pathPrefix',
      'routes[0].name',
      'routes[2].match',
      'routes[2].name',
    ]);
  });

  it('may be nested without end and still gets an answer', () => {
    const deep: unknown = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000));
    expect(withRoute({ name: deep, headers: { A: deep } }).problems).toHaveLength(2);
  });
});

describe('match', () => {
  it.each([
    '/',
    '/a',
    '/a/b.c',
    '/a-b_c~d',
    "/!$&'()*+,;=:@",
    '/caf%C3%A9',
    '/%25',
    '/...',
    '/a..b',
  ])('takes the prefix %s', (pathPrefix) => {
    expect(withMatch({ pathPrefix }).problems).toEqual([]);
  });

  it.each([
    ['', 'begin with "/"'],
    ['a', 'begin with "/"'],
    ['/a/', 'at the end'],
    ['//', 'at the end'],
    ['//a', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/.', '".."'],
    ['/a/../b', '".."'],
    ['/..;x/b', '".."'],
    ['/a/.%3Bx', '".."'],
    ['/a/%2e%2e/b', 'write "."'],
    ['/a/.%2E/b', 'write "."'],
    ['/a%2fb', 'hides a "/"'],
    ['/a%5Cb', 'hides a "\\"'],
    ['/a\\b', 'backslash'],
    ['/a?b', 'query'],
    ['/a#b', 'fragment'],
    ['/a b', 'percent-encoded'],
    ['/é', 'percent-encoded'],
    ['/a\nb', 'percent-encoded'],
    ['/%', 'two hexadecimal'],
    ['/%4', 'two hexadecimal'],
    ['/%zz', 'two hexadecimal'],
    ['/%41', 'write "A"'],
    ['/%00', 'control character'],
  ])('refuses the prefix %j', (pathPrefix, message) => {
    expect(withMatch({ pathPrefix }).problems).toEqual([
      expect.objectContaining({
        path: 'routes[0].match.pathPrefix',
        message: expect.stringContaining(message),
      }),
    ]);
  });

  it.each([
    'a.example.com',
    '*.example.com',
    'localhost',
    '127.0.0.1',
    '[::1]',
    'xn--bcher-kva.example',
    'a_b.c',
  ])('takes the host %s', (host) => {
    expect(withMatch({ host }).problems).toEqual([]);
  });

  it.each([
    ['', undefined],
    ['*', undefined],
    ['*.', undefined],
    ['a.*.com', undefined],
    ['*a.com', undefined],
    ['*.127.0.0.1', undefined],
    ['a..b', undefined],
    ['a.b.', undefined],
    ['-a.b', undefined],
    ['[::zz]', undefined],
    ['[0:0::1]', '[::1]'],
    ['a/b', undefined],
    ['a.example.com:443', 'a.example.com'],
    ['https://a.example.com/b', 'a.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.bücher.example', '*.xn--bcher-kva.example'],
  ])('refuses the host %j', (host, nearest) => {
    const { problems } = withMatch({ host });
    expect(paths(problems)).toEqual(['routes[0].match.host']);
    expect(problems[0]?.nearest).toBe(nearest);
  });

  it.each([
    ['get', 'GET'],
    ['Post', 'POST'],
    ['DELET', 'DELETE'],
    ['BREW', undefined],
    ['CONNECT', undefined],
    ['TRACE', undefined],
    ['trace', undefined],
  ])('refuses the method %s', (method, nearest) => {
    const { problems } = withMatch({ pathPrefix: '/a', methods: ['GET', method] });
    expect(paths(problems)).toEqual(['routes[0].match.methods[1]']);
    expect(problems[0]?.nearest).toBe(nearest);
  });

  it('refuses a method that stands there twice', () => {
    const { problems } = withMatch({ pathPrefix: '/a', methods: ['GET', 'GET'] });
    expect(paths(problems)).toEqual(['routes[0].match.methods[1]']);
  });
});

describe('what is placed', () => {
  const forbidden = ['Connection', 'keep-alive', 'Proxy-Connection', 'TE', 'Trailer', 'Upgrade'];
  const framing = ['Host', 'Content-Length', 'Transfer-Encoding', 'content_length', 'Expect'];
  const own = [
    'Keyferry-Token',
    'keyferry_error',
    'Proxy-Authorization',
    'HTTP2-Settings',
    'X-Request-ID',
  ];
  it.each([...forbidden, ...framing, ...own])('is never the header %s', (name) => {
    expect(paths(withRoute({ headers: { [name]: 'x' } }).problems)).toHaveLength(1);
  });

  it.each(['', 'a b', 'a:b', 'é', 'a\n', '(a)', 'a,b'])('is never the header %j', (name) => {
    expect(withRoute({ headers: { [name]: 'x' } }).problems).toHaveLength(1);
  });

  it('is one spelling of a header', () => {
    const headers = { 'X-Api-Key': 'a', x_api_key: 'b' };
    const [problem, ...more] = withRoute({ headers }).problems;
    expect(problem?.path).toBe('routes[0].headers.x_api_key');
    expect(problem?.message).toContain('x_api_key and X-Api-Key');
    expect(more).toEqual([]);
    const environments = { production: { upstream, headers: { x_api_key: '<<secret:b>>' } } };
    const overriding = { headers: { 'X-Api-Key': '<<secret:a>>' }, environments };
    expect(withRoute(overriding).problems).toEqual([]);
  });

  it.each(['a\r\nb', 'a\nb', 'a\0', 'a\x7fb', '\t<<secret:a>>'])(
    'has no control characters: %j',
    (text) => {
      expect(withRoute({ headers: { A: text } }).problems).toHaveLength(1);
      expect(withRoute({ query: { a: text } }).problems).toHaveLength(1);
    },
  );

  it('is a template that compiles, with its place in the text', () => {
    const { problems } = withRoute({ query: { key: 'a <<sceret:b>>' } });
    expect(problems).toEqual([
      expect.objectContaining({
        path: 'routes[0].query.key',
        message: expect.stringMatching(/not a template function.*\(at character 3\)$/),
      }),
    ]);
  });

  it('is a query parameter with a name', () => {
    expect(withRoute({ query: { '': 'a' } }).problems).toHaveLength(1);
    expect(withRoute({ query: { 'a b&c=d': 'a' } }).problems).toEqual([]);
  });

  it.each([
    [{ headers: { A: '{{key}}' } }, 'write <<secret:key>>'],
    [{ headers: { Authorization: 'Basic <<basic:a,b>>' } }, 'already writes'],
    [{ headers: { Authorization: 'Bearer abc' } }, 'belongs in a secret'],
    [{ headers: { 'X-Api-Key': 'abc' } }, 'belongs in a secret'],
  ])('%j works, with a warning', (changes, message) => {
    const { document, warnings } = withRoute(changes);
    expect(document).toBeDefined();
    expect(warnings).toEqual([
      expect.objectContaining({ message: expect.stringContaining(message) }),
    ]);
  });

  it('is never shown, whatever is wrong with it', () => {
    const credential = fc.stringMatching(/^[A-Za-z0-9]{16,24}$/);
    const wrap = fc.constantFrom('%s', 'Bearer %s\n', '%s <<', '%s <<secret:1>>', '\0%s', '%s{{}}');
    fc.assert(
      fc.property(credential, wrap, (value, form) => {
        const text = form.replace('%s', value);
        const placed = { Authorization: text, Host: text, a: text, A: text, Keyferry: [text] };
        const answer = check({
          routes: [
            {
              ...base,
              headers: placed,
              query: { k: text, l: { text } },
              tls: { ca: text, serverName: 1 },
              environments: {
                production: { upstream: `https://user:${value}@a.example`, headers: placed },
                staging: { upstream: `https://a.example/?key=${value}` },
              },
            },
          ],
        });
        expect(answer.problems.length).toBeGreaterThan(5);
        expect(JSON.stringify(answer)).not.toContain(value);
      }),
    );
  });
});

describe('how a credential is tried', () => {
  const environments = { production: { upstream } };

  it.each([
    [{ path: '/' }],
    [{ path: '/v1/me?fields=id,name&x=%20', method: 'HEAD', expectedStatus: 204 }],
    [{ path: '/v1', method: 'OPTIONS' }],
  ])('may be the probe %j', (probe) => {
    expect(withRoute({ probe })).toMatchObject({ problems: [], warnings: [] });
    const own = { production: { upstream, probe } };
    expect(withRoute({ environments: own })).toMatchObject({ problems: [], warnings: [] });
  });

  it.each([
    [{}, 'path', 'missing'],
    [{ path: 'v1' }, 'path', 'begin with "/"'],
    [{ path: '' }, 'path', 'begin with "/"'],
    [{ path: 'https://a.example.com/' }, 'path', 'begin with "/"'],
    [{ path: '//a.example.com' }, 'path', 'empty segment'],
    [{ path: '/a/../b' }, 'path', '".."'],
    [{ path: '/a/%2e%2e/b' }, 'path', 'write "."'],
    [{ path: '/a\\b' }, 'path', 'backslash'],
    [{ path: '/a#b' }, 'path', 'fragment'],
    [{ path: '/a?b#c' }, 'path', 'percent-encoded'],
    [{ path: '/a?b c' }, 'path', 'percent-encoded'],
    [{ path: '/a?é' }, 'path', 'percent-encoded'],
    [{ path: '/a\r\nX: y' }, 'path', 'percent-encoded'],
    [{ path: '/<<secret:a>>' }, 'path', 'a template is not possible'],
    [{ path: '/a?k=<<secret:a>>' }, 'path', 'a template is not possible'],
    [{ path: '/', method: 'DELETE' }, 'method', 'a probe changes nothing'],
    [{ path: '/', method: 'TRACE' }, 'method', 'a probe changes nothing'],
    [{ path: '/', expectedStatus: 101 }, 'expectedStatus', 'at least 200'],
    [{ path: '/', expectedStatus: 600 }, 'expectedStatus', 'at most 599'],
  ])('is not the probe %j', (probe, key, message) => {
    expect(withRoute({ probe }).problems).toEqual([
      expect.objectContaining({
        path: `routes[0].probe.${key}`,
        message: expect.stringContaining(message),
      }),
    ]);
  });

  it('is a method in upper case; POST works, with a warning', () => {
    const lower = withRoute({ probe: { path: '/', method: 'head' } });
    expect(lower.problems).toEqual([expect.objectContaining({ nearest: 'HEAD' })]);
    const post = withRoute({ probe: { path: '/', method: 'POST' } });
    expect(post).toMatchObject({
      problems: [],
      warnings: [{ path: 'routes[0].probe.method', message: expect.stringContaining('again') }],
    });
  });

  it.each([
    [{ statuses: [] }, 'statuses', 'at least 1'],
    [{ statuses: [399] }, 'statuses[0]', 'at least 400'],
    [{ statuses: [401, 500] }, 'statuses[1]', 'at most 499'],
    [{ statuses: 401 }, 'statuses', 'a list'],
    [{ maxRetryBytes: -1 }, 'maxRetryBytes', 'at least 0'],
    [{ maxRetryBytes: 2 ** 30 }, 'maxRetryBytes', 'at most'],
    [{ retry: 1 }, 'retry', 'true or false'],
  ])('refuses refusedCredential %j', (refusedCredential, key, message) => {
    expect(withRoute({ refusedCredential }).problems).toEqual([
      expect.objectContaining({
        path: `routes[0].refusedCredential.${key}`,
        message: expect.stringContaining(message),
      }),
    ]);
  });

  it('expects no status that says that it is refused', () => {
    const probe = { path: '/', expectedStatus: 403 };
    expect(withRoute({ probe }).problems).toEqual([]);
    const refusedCredential = { statuses: [401, 403] };
    const problems = (route: Json, own: Json) =>
      paths(withRoute({ ...route, environments: { production: { upstream, ...own } } }).problems);
    const here = 'routes[0].environments.production';
    expect(problems({ probe, refusedCredential }, {})).toEqual([`${here}.refusedCredential`]);
    expect(problems({ probe }, { refusedCredential })).toEqual([`${here}.refusedCredential`]);
    expect(problems({ refusedCredential }, { probe })).toEqual([`${here}.probe`]);
    expect(problems({ probe, refusedCredential }, { refusedCredential: { retry: false } })).toEqual(
      [`${here}.refusedCredential`],
    );
    expect(problems({ probe: { ...probe, expectedStatus: 401 } }, {})).toHaveLength(1);
  });

  it('is misspelt with the nearest spelling', () => {
    const { problems } = withRoute({
      probe: { path: '/', expectStatus: 200 },
      refusedCredential: { statusses: [401] },
      environments,
    });
    expect(problems).toMatchObject([
      { path: 'routes[0].refusedCredential.statusses', nearest: 'statuses' },
      { path: 'routes[0].probe.expectStatus', nearest: 'expectedStatus' },
    ]);
  });
});

describe('an upstream', () => {
  it.each([
    'https://a.example.com',
    'https://a.example.com/',
    'https://a.example.com:8443/v1',
    'https://[2606:4700::1111]/v1/x',
    'https://8.8.8.8',
  ])('may be %s', (text) => {
    expect(withUpstream(text).problems).toEqual([]);
  });

  it.each([
    ['', 'begins with https://'],
    ['a.example.com', 'begins with https://'],
    ['ftp://a.example.com', 'begins with https://'],
    ['HTTPS://a.example.com', 'begins with https://'],
    ['https://', 'not a URL'],
    ['https://a b.com', 'white space'],
    ['https://a.com\\@b.com', 'backslashes'],
    ['https://a.com\n.b.com', 'control characters'],
    ['https://user:password@a.com', 'user name or password'],
    ['https://user@a.com', 'user name or password'],
    ['https://@a.com', 'user name or password'],
    ['https://a.com:', 'port'],
    ['https://a.com:99999', 'not a URL'],
    ['https://a.com?', 'query'],
    ['https://a.com/?a=b', 'query'],
    ['https://a.com/#x', 'fragment'],
    ['https://a.com#', 'fragment'],
    ['https://a.com/v1/', 'at the end'],
    ['https://a.com/v1//b', 'empty segment'],
    ['https://a.com/v1/../v2', '".."'],
    ['https://a.com/%2e%2e/v2', 'write "."'],
    ['https://a.com/a%2fb', 'hides'],
    ['https://<<secret:host>>/', 'template'],
    ['https://a.com/{{secret:x}}', 'template'],
  ])('may not be %j', (text, message) => {
    expect(withUpstream(text).problems).toEqual([
      expect.objectContaining({
        path: 'routes[0].environments.production.upstream',
        message: expect.stringContaining(message),
      }),
    ]);
  });

  it.each([
    ['http://a.example.com', ['allowInsecureUpstream']],
    ['https://10.0.0.1', ['allowPrivateNetwork']],
    ['http://10.0.0.1', ['allowInsecureUpstream', 'allowPrivateNetwork']],
    ['http://127.0.0.1:9', ['allowPrivateNetwork']],
    ['http://127.1', ['allowPrivateNetwork']],
    ['http://0x7f000001', ['allowPrivateNetwork']],
    ['http://localhost', ['allowPrivateNetwork']],
    ['https://a.localhost', ['allowPrivateNetwork']],
    ['http://[::1]:9', ['allowPrivateNetwork']],
    ['http://[::ffff:127.0.0.1]', ['allowPrivateNetwork']],
    ['https://[fd00::1]', ['allowPrivateNetwork']],
    ['https://[fe80::1]', ['allowPrivateNetwork']],
    ['https://169.254.169.254', ['allowPrivateNetwork']],
    ['https://100.64.0.1', ['allowPrivateNetwork']],
    ['https://172.31.0.1', ['allowPrivateNetwork']],
    ['https://0.0.0.0', ['allowPrivateNetwork']],
  ])('%s needs %j, on the environment or its route', (text, options) => {
    const { problems } = withUpstream(text);
    expect(problems).toHaveLength(options.length);
    for (const option of options) {
      expect(problems.some(({ message }) => message.includes(`"${option}": true`))).toBe(true);
    }
    const allowed = Object.fromEntries(options.map((option) => [option, true]));
    const environments = { production: { upstream: text } };
    expect(withUpstream(text, allowed).problems).toEqual([]);
    expect(withRoute({ ...allowed, environments }).problems).toEqual([]);
    const denied = Object.fromEntries(options.map((option) => [option, false]));
    const both = { ...allowed, environments: { production: { upstream: text, ...denied } } };
    expect(withRoute(both).problems).toHaveLength(options.length);
  });

  it.each([
    ['ca.pem', 'not the name of a file'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'certificate 1 of 1'],
    ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'private key'],
  ])('is not verified by %j', (ca, message) => {
    expect(withRoute({ tls: { ca } }).problems).toEqual([
      { path: 'routes[0].tls.ca', message: expect.stringContaining(message) },
    ]);
  });

  it('is not verified by the name %j', () => {
    expect(paths(withRoute({ tls: { serverName: '*.a.com' } }).problems)).toEqual([
      'routes[0].tls.serverName',
    ]);
  });
});

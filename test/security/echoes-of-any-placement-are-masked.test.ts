import { expect, test } from 'vitest';
import type { Route, RouteEnvironment } from '../../src/core/index.js';
import { SecretValue } from '../../src/core/index.js';
import { TEST_ACTOR } from '../support/open-test-store.js';
import { rawClient, requestHead } from '../support/raw-client.js';
import { startProxyBefore } from '../support/start-proxy.js';
import { startUpstream } from '../support/start-upstream.js';

const VALUE = 'live/Key+é"1234567890';
const FIELDS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: 'FwoGZXIvYXdzEXAMPLE//session+token==',
};

const JSON_BODY = ['Content-Type: application/json', 'Content-Length: 2'];
const FORM_BODY = ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 3'];

const PLACEMENTS: readonly (readonly [
  string,
  Partial<Route & RouteEnvironment>,
  string[],
  string,
])[] = [
  ['a path', { path: '/p<<secret:value>>' }, [], ''],
  ['a path, in base64', { path: '/p<<base64:value>>' }, [], ''],
  ['a JSON field', { body: { json: { '/a': '<<secret:value>>' } } }, JSON_BODY, '{}'],
  ['a JSON field, as Basic', { body: { json: { '/a': '<<basic:id,value>>' } } }, JSON_BODY, '{}'],
  ['a form field', { body: { form: { a: '<<secret:value>>' } } }, FORM_BODY, 'b=1'],
  [
    'a signed text',
    { sign: { hmac: { key: '<<secret:id>>', canonical: '<<secret:value>>', header: 'X-Sign' } } },
    [],
    '',
  ],
  [
    'a key',
    { sign: { hmac: { key: '<<secret:value>>', canonical: '<<method>>', header: 'X-Sign' } } },
    [],
    '',
  ],
  [
    'a key pair',
    { sign: { aws: { credentials: '<<secret:aws>>', service: 's3', region: 'eu-central-1' } } },
    [],
    '',
  ],
];

/** Forms in which an upstream may give a value back. */
function formsOf(value: string): string[] {
  return [
    value,
    encodeURIComponent(value),
    encodeURI(value),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('base64url'),
    Buffer.from(value).toString('hex'),
  ];
}

test.each(PLACEMENTS)(
  'an upstream that echoes %s: nothing of it reaches the client',
  async (_what, placement, lines, body) => {
    const secrets = [VALUE, ...('sign' in placement ? Object.values(FIELDS) : [])];
    const forms = secrets.flatMap(formsOf);
    const upstream = await startUpstream((request, response) => {
      const { target, rawHeaders, body: sent } = request;
      response.setHeader('content-type', 'text/plain');
      response.setHeader('x-echo', encodeURIComponent(`${target} ${sent}`));
      response.setHeader('location', target);
      response.end([target, ...rawHeaders, String(sent), ...forms].join('\n'));
    });
    const rig = await startProxyBefore(upstream.origin, { headers: {}, ...placement });
    await rig.secret('value', { production: VALUE });
    await rig.secret('id', { production: 'some-user-name' });
    await rig.store.createSecret({ actor: TEST_ACTOR, name: 'aws', kind: 'aws' });
    await rig.store.addVersion({
      actor: TEST_ACTOR,
      secret: 'aws',
      environment: 'production',
      value: SecretValue.fromText(JSON.stringify(FIELDS)),
      fields: Object.keys(FIELDS),
    });
    await rig.keeper.catchUp();
    const client = await rawClient(rig.port);
    client.send(requestHead('POST', '/api/x', rig.token, lines) + body);
    const answer = await client.response();
    expect(answer).toMatchObject({ status: 200, complete: true });
    const placed =
      placement.sign?.aws === undefined ? formsOf(VALUE) : Object.values(FIELDS).flatMap(formsOf);
    const whole = [...answer.headerLines, answer.body].join('\n');
    expect(answer.body).toContain('[redacted]');
    const latin1 = (text: string) => Buffer.from(text).toString('latin1');
    expect(placed.filter((form) => whole.includes(latin1(form)))).toEqual([]);
  },
);

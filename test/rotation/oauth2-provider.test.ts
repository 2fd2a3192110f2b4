import { expect, onTestFinished, test } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { configProblems, oauth2, textOf } from '../../src/rotation/index.js';
import { ProviderRig } from '../support/provider-rig.js';
import { answerJson, listenStandIn } from '../support/stand-ins/listen-stand-in.js';
import { startOAuth2StandIn } from '../support/stand-ins/oauth2.js';
import { describeProvider } from './provider-contract.js';

describeProvider(oauth2, () => startOAuth2StandIn(), 'client credentials');
describeProvider(
  oauth2,
  () => startOAuth2StandIn({ mode: 'refresh_token', clientAuthentication: 'client_secret_post' }),
  'refresh token',
);

async function start(options: Parameters<typeof startOAuth2StandIn>[0] = {}, config = {}) {
  const standIn = await startOAuth2StandIn(options);
  onTestFinished(() => standIn.close());
  const rig = new ProviderRig(oauth2, { ...standIn, config: { ...standIn.config, ...config } });
  return { rig, standIn };
}

test('the client is known by header or body, encoded as the standard says', async () => {
  const basic = await start();
  await basic.rig.mint(await basic.rig.plan(), 'step');
  expect(basic.standIn.authorizations[0]).toMatch(/^Basic /);
  expect([...(basic.standIn.asked[0]?.keys() ?? [])]).toEqual(['grant_type']);
  const post = await start({ clientAuthentication: 'client_secret_post' });
  await post.rig.mint(await post.rig.plan(), 'step');
  expect(post.standIn.authorizations[0]).toBeUndefined();
  expect(post.standIn.asked[0]?.get('client_id')).toBe('keyferry test:client');
});

test('scope, audience, resources and further parameters are sent', async () => {
  const { rig, standIn } = await start(
    {},
    {
      scope: 'a b',
      audience: 'https://api.example.com',
      resource: ['https://one.example.com', 'https://two.example.com'],
      parameters: { tenant: 'x&y' },
    },
  );
  await rig.mint(await rig.plan(), 'step');
  const asked = standIn.asked[0];
  expect(asked?.get('scope')).toBe('a b');
  expect(asked?.get('audience')).toBe('https://api.example.com');
  expect(asked?.getAll('resource')).toEqual(['https://one.example.com', 'https://two.example.com']);
  expect(asked?.get('tenant')).toBe('x&y');
});

test('a new refresh token comes back as a credential; one that stays does not', async () => {
  const rotating = await start({ mode: 'refresh_token' });
  const sent = textOf(rotating.rig.credentials.get('refreshToken') ?? SecretValue.fromText(''));
  const minted = await rotating.rig.mint(await rotating.rig.plan(), 'step');
  const next = minted.credentials?.get('refreshToken');
  expect(next === undefined ? '' : textOf(next)).toMatch(/^rt\./);
  expect(next?.equals(SecretValue.fromText(sent))).toBe(false);
  // Used twice, the family is withdrawn: also the new one is of no use then.
  rotating.rig.credentials.set('refreshToken', SecretValue.fromText(sent));
  const reused = await rotating.rig.failureOf(rotating.rig.mint({}, 'again'));
  expect(reused).toMatchObject({
    failure: 'spent',
    whatToDo: expect.stringMatching(/oauth_refresh/),
  });
  rotating.rig.credentials.set('refreshToken', next ?? SecretValue.fromText(''));
  expect((await rotating.rig.failureOf(rotating.rig.mint({}, 'more'))).failure).toBe('spent');
  const staying = await start({ mode: 'refresh_token', rotatesRefreshTokens: false });
  expect((await staying.rig.mint({}, 'step')).credentials).toBeUndefined();
});

test.each([
  [3600, 3600],
  [undefined, 1800],
])(
  'a lifetime of %s is one of %i seconds, from before the request',
  async (lifeSeconds, expected) => {
    const { rig } = await start({ lifeSeconds }, { defaultExpiresInSeconds: 1800 });
    const beganMs = Date.now();
    const { expiresAtMs = 0 } = await rig.mint({}, 'step');
    expect(expiresAtMs - beganMs).toBeGreaterThanOrEqual(expected * 1000);
    expect(expiresAtMs - Date.now()).toBeLessThanOrEqual(expected * 1000);
  },
);

test.each([
  [200, 'canary', 'unknown'],
  [200, { access_token: 'canary' }, 'unknown'],
  [200, { access_token: 'canary', token_type: 'mac' }, 'unknown'],
  [200, { access_token: 'can\nary', token_type: 'bearer' }, 'unknown'],
  [200, { access_token: ['canary'], token_type: 'bearer' }, 'unknown'],
  [200, { access_token: 'canary', token_type: 'bearer', refresh_token: 7 }, 'unknown'],
  [400, { error: 'invalid_scope', error_description: 'canary' }, 'refused'],
  [400, { error: 'canary' }, 'refused'],
  [400, { error: 'invalid_grant' }, 'refused'],
  [302, 'canary', 'refused'],
  [500, 'canary', 'unknown'],
  [503, { error: 'temporarily_unavailable' }, 'unavailable'],
])('an answer of %i with %j is %s', async (status, body, failure) => {
  const server = await listenStandIn((_request, _text, response) =>
    answerJson(response, status, body),
  );
  onTestFinished(() => server.close());
  const { rig } = await start({}, { tokenEndpoint: server.origin });
  const failed = await rig.failureOf(rig.mint({}, 'step'));
  expect(failed.failure).toBe(failure);
  expect(failed.message + failed.whatToDo).not.toContain('canary');
});

test('a refresh token is not put at risk by revoking access tokens, and no field stands for another', () => {
  const config = { mode: 'refresh_token', tokenEndpoint: 'https://a.example', clientId: 'a' };
  const problems = (more: object) =>
    configProblems(oauth2.config, { ...config, ...more }).map(({ path }) => path);
  const refreshToken = 'oauth_refresh';
  expect(problems({ refreshToken })).toEqual([]);
  expect(problems({})).toEqual(['refreshToken']);
  expect(problems({ refreshToken, revocationEndpoint: 'https://a.example/revoke' })).toEqual([
    'revocationEndpoint',
  ]);
  expect(problems({ refreshToken, parameters: { scope: 'a' } })).toEqual(['parameters']);
  expect(problems({ mode: 'client_credentials' })).toEqual(['clientSecret']);
});

import { z } from 'zod';
import type { OutboundAnswer, ProviderId } from '../../src/core/index.js';
import { AppError, SecretValue } from '../../src/core/index.js';
import {
  type Provider,
  type ProviderCall,
  ProviderError,
  providerSecret,
  textOf,
} from '../../src/rotation/index.js';

const config = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).meta({ description: 'Where the service is.' }),
  admin: providerSecret('The token that may make and remove tokens.'),
  allowPrivateNetwork: z.boolean().default(false).meta({ description: 'Allow private addresses.' }),
});

type Config = z.infer<typeof config>;
type Call = ProviderCall<Config>;

/** Tokens of a small HTTP service: PUT makes one (and answers the same one again), DELETE removes it. */
export const tokenService: Provider<Config> = {
  // Add yours to PROVIDER_IDS in src/core/rotation.ts.
  id: 'token_service' as ProviderId,
  title: 'Token service',
  summary: 'Tokens of the service of this example.',
  config,
  credentialsOf: ({ admin }) => ({ admin }),
  fields: () => [],
  // The same request once more answers the same token.
  recovery: () => 'replay',
  principal: async ({ config: { url }, secret, environment }) => `${url} ${environment}/${secret}`,

  async check(call) {
    try {
      await ask(call, 'GET', '/me', adminOf(call), [200]);
      return [{ ok: true, what: 'sign in', detail: 'The service knows the admin token.' }];
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      return [{ ok: false, what: 'sign in', detail: `${error.message} ${error.whatToDo}` }];
    }
  },

  plan: async () => ({}),

  async mint(call) {
    const path = `/tokens/${call.stepId}`;
    const { body } = await ask(call, 'PUT', path, adminOf(call), [200, 201], 'unknown');
    const found = tokenSchema.safeParse(JSON.parse(Buffer.from(body).toString()));
    if (!found.success) throw failed('unknown', 'The service answered with something else.');
    return { value: SecretValue.fromText(found.data.token), keyId: found.data.id };
  },

  async verify(call, { value }) {
    await ask(call, 'GET', '/me', textOf(value), [200]);
  },

  async revoke(call) {
    // One that was never answered goes by the step that was to make it; the first one was made by hand.
    const id = call.keyId ?? (call.because === 'taken_back' ? call.stepId : 'first');
    await ask(call, 'DELETE', `/tokens/${id}`, adminOf(call), [204, 404]);
  },
};

const tokenSchema = z.object({ id: z.string(), token: z.string().min(1) });

function adminOf(call: Call): string {
  const admin = call.credentials.get('admin');
  if (admin === undefined) throw failed('refused', 'The admin token has no value.');
  return textOf(admin);
}

/** `inDoubt`: what it means when nobody knows whether it arrived. */
async function ask(
  call: Call,
  method: string,
  path: string,
  bearer: string,
  expected: readonly number[],
  inDoubt: 'unknown' | 'unavailable' = 'unavailable',
): Promise<OutboundAnswer> {
  const { config: given, outbound, signal } = call;
  const answer = await outbound
    .send({
      method,
      url: new URL(path, given.url).href,
      headers: { authorization: `Bearer ${bearer}` },
      allowPrivateNetwork: given.allowPrivateNetwork,
      timeoutMs: 20_000,
      signal,
    })
    .catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      const isHeldBack = ['upstream_unreachable', 'upstream_address_denied'].includes(error.code);
      throw failed(isHeldBack ? 'unavailable' : inDoubt, 'The service did not answer.');
    });
  const { status, headers } = answer;
  if (expected.includes(status)) return answer;
  const message = `The service answered ${status}.`;
  if (status === 429) throw failed('throttled', message, Number(headers['retry-after']) * 1000);
  throw failed(status >= 500 ? inDoubt : 'refused', message);
}

function failed(failure: ProviderError['failure'], message: string, retryAfterMs?: number) {
  const whatToDo = 'Look at the log of the service, and at the admin token in _providers.';
  return new ProviderError(failure, message, { whatToDo, retryAfterMs });
}

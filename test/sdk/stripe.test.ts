import Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsStripe, STRIPE_RATE_LIMITED } from './upstreams/stripe.js';

/** The SDK takes a host and a port but no path: its own paths begin with /v1, so the route matches that. */
const BY_PATH = { match: { pathPrefix: '/v1' }, stripPrefix: false };
/** Or the host, where several such APIs share one Keyferry. */
const BY_HOST = { match: { host: 'localhost' } };

async function start(route: typeof BY_PATH | typeof BY_HOST = BY_PATH) {
  const upstream = await startUpstream(answerAsStripe(REAL_KEY));
  const behind = await startBehindKeyferry(upstream, { route });
  const { port } = behind.keyferry.server.proxyAddress;
  const host = route === BY_HOST ? 'localhost' : '127.0.0.1';
  const stripe = new Stripe(behind.token, { protocol: 'http', host, port, telemetry: false });
  return { ...behind, upstream, stripe };
}

describe('the stripe SDK with host and client token alone', () => {
  it('creates a customer', async () => {
    const { stripe, upstream, token } = await start();
    const customer = await stripe.customers.create({
      email: 'a+b@example.com',
      metadata: { order: '6735 & more' },
    });
    expect(customer).toMatchObject({
      id: 'cus_new',
      email: 'a+b@example.com',
      metadata: { order: '6735 & more' },
    });
    expect(customer.lastResponse.requestId).toBe('req_stripe_200');
    expect(upstream.seen[0]?.rawHeaders.join('\n')).not.toContain(token);
    expect(upstream.seen[0]?.headers['stripe-version']).toBeDefined();
  });

  it('is matched by host as well', async () => {
    const { stripe, upstream } = await start(BY_HOST);
    const customer = await stripe.customers.create({ email: 'a@example.com' });
    expect(customer.id).toBe('cus_new');
    expect(upstream.seen[0]?.headers.host).toBe(new URL(upstream.origin).host);
  });

  it('pages through a list by itself', async () => {
    const { stripe, upstream } = await start();
    const ids: string[] = [];
    for await (const customer of stripe.customers.list({ limit: 2 })) ids.push(customer.id);
    expect(ids).toEqual(['cus_1', 'cus_2', 'cus_3', 'cus_4', 'cus_5']);
    expect(upstream.seen).toHaveLength(3);
  });

  it('throws its card error for a declined card', async () => {
    const { stripe } = await start();
    const declined = await stripe.charges
      .create({ amount: 100, currency: 'eur', source: 'tok_visa' })
      .catch((error: unknown) => error);
    expect(declined).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(declined).toMatchObject({
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      requestId: 'req_stripe_402',
    });
  });

  it("retries after the API's own 429 with the same idempotency key", async () => {
    const { stripe, upstream } = await start();
    upstream.planned.push(STRIPE_RATE_LIMITED);
    await stripe.customers.create({ email: 'a@example.com' }, { maxNetworkRetries: 1 });
    const keys = upstream.seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^stripe-node-retry-/);
    expect(keys[1]).toBe(keys[0]);
  });

  it("throws its authentication error for Keyferry's 401, and the API sees nothing", async () => {
    const { keyferry, upstream } = await start();
    const { port } = keyferry.server.proxyAddress;
    const stranger = new Stripe('sk_test_not_a_client_token', {
      protocol: 'http',
      host: '127.0.0.1',
      port,
      telemetry: false,
    });
    const refused = await stranger.customers.list().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect(refused).toMatchObject({ statusCode: 401, code: 'client_unauthenticated' });
    expect(upstream.connections).toBe(0);
  });

  it("throws for every other error of Keyferry's own, rather than taking it for a success", async () => {
    const { keyferry, upstream } = await start();
    const { port } = keyferry.server.proxyAddress;
    const token = await keyferry.client('staging');
    const other = new Stripe(token, {
      protocol: 'http',
      host: '127.0.0.1',
      port,
      telemetry: false,
    });
    const failed = await other.customers.list().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect(failed).toMatchObject({ statusCode: 404, code: 'route_not_found' });
    expect(upstream.connections).toBe(0);
  });
});

import Stripe from 'stripe';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;
const { hostname, port, protocol } = new URL(PROXY_URL);

const stripe = new Stripe(
  CLIENT_TOKEN, // was: process.env.STRIPE_SECRET_KEY
  { host: hostname, port, protocol: protocol.slice(0, -1) }, // was: the default, api.stripe.com
);

const customer = await stripe.customers.create({ email: 'ada@example.com' });
console.log(`created ${customer.id}`);

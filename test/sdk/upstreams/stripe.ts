import type { Answer, PlannedAnswer } from '../../support/start-upstream.js';
import { sendAnswer } from '../../support/start-upstream.js';

function failure(status: number, error: object): PlannedAnswer {
  const headers = { 'request-id': `req_stripe_${status}`, 'stripe-version': '2026-10-01' };
  return { status, headers, body: { error } };
}

/** What Stripe says about a card that was declined. */
const CARD_DECLINED = failure(402, {
  type: 'card_error',
  code: 'card_declined',
  decline_code: 'insufficient_funds',
  message: 'Your card has insufficient funds.',
  param: 'source',
});

export const STRIPE_RATE_LIMITED: PlannedAnswer = {
  status: 429,
  headers: { 'request-id': 'req_stripe_429', 'stripe-should-retry': 'true' },
  body: { error: { type: 'rate_limit_error', message: 'Too many requests.' } },
};

const CUSTOMERS = ['cus_1', 'cus_2', 'cus_3', 'cus_4', 'cus_5'];

function customer(id: string, more: object = {}) {
  return { id, object: 'customer', livemode: false, ...more };
}

/** Customers and charges of Stripe's API: form bodies in, JSON out, lists by cursor. */
export function answerAsStripe(key: string): Answer {
  return (request, response) => {
    const { authorization } = request.headers;
    const basic = `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
    if (authorization !== `Bearer ${key}` && authorization !== basic) {
      const message = 'Invalid API Key provided.';
      return sendAnswer(response, failure(401, { type: 'invalid_request_error', message }));
    }
    const headers = { 'request-id': 'req_stripe_200', 'stripe-version': '2026-10-01' };
    const form = new URLSearchParams(request.body.toString());
    switch (`${request.method} ${request.url.pathname}`) {
      case 'POST /v1/customers': {
        const email = form.get('email');
        const body = customer('cus_new', {
          email,
          metadata: { order: form.get('metadata[order]') },
        });
        return sendAnswer(response, { status: 200, headers, body });
      }
      case 'GET /v1/customers': {
        const { searchParams } = request.url;
        const from = CUSTOMERS.indexOf(searchParams.get('starting_after') ?? '') + 1;
        const to = from + Number(searchParams.get('limit') ?? 10);
        const data = CUSTOMERS.slice(from, to).map((id) => customer(id));
        const has_more = to < CUSTOMERS.length;
        const body = { object: 'list', url: '/v1/customers', has_more, data };
        return sendAnswer(response, { status: 200, headers, body });
      }
      case 'POST /v1/charges':
        return sendAnswer(response, CARD_DECLINED);
      default: {
        const message = `Unrecognized request URL (${request.method}: ${request.target}).`;
        sendAnswer(response, failure(404, { type: 'invalid_request_error', message }));
      }
    }
  };
}

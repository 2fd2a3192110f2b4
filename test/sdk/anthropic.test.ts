import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { ANTHROPIC_OVERLOADED, ANTHROPIC_TEXT, answerAsAnthropic } from './upstreams/anthropic.js';

const QUESTION = {
  model: 'claude-test',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Where do keys live?' }],
};

const BEARER = { Authorization: 'Bearer <<secret:api_key>>' };

async function start(headers: Readonly<Record<string, string>> = BEARER) {
  const upstream = await startUpstream(answerAsAnthropic(REAL_KEY));
  const route = { match: { pathPrefix: '/anthropic' }, headers };
  const behind = await startBehindKeyferry(upstream, { route });
  const anthropic = new Anthropic({ baseURL: behind.baseUrl, apiKey: behind.token });
  return { ...behind, upstream, anthropic };
}

describe('the @anthropic-ai/sdk with base URL and client token alone', () => {
  it('creates a message', async () => {
    const { anthropic, upstream, token } = await start();
    const message = await anthropic.messages.create(QUESTION);
    expect(message.content).toEqual([{ type: 'text', text: ANTHROPIC_TEXT }]);
    expect(message._request_id).toBe('req_anthropic_200');
    expect(upstream.seen[0]?.target).toBe('/v1/messages');
    expect(upstream.seen[0]?.rawHeaders.join('\n')).not.toContain(token);
  });

  it('streams a message, event by event', async () => {
    const { anthropic } = await start();
    const stream = anthropic.messages.stream(QUESTION);
    const pieces: string[] = [];
    stream.on('text', (text) => pieces.push(text));
    const message = await stream.finalMessage();
    expect(pieces.join('')).toBe(ANTHROPIC_TEXT);
    expect(pieces.length).toBeGreaterThan(3);
    expect(message.stop_reason).toBe('end_turn');
    expect(message.usage.output_tokens).toBe(7);
  });

  it("retries after the API's own 529, and throws it when it stays", async () => {
    const { anthropic, upstream } = await start();
    upstream.planned.push(ANTHROPIC_OVERLOADED);
    const message = await anthropic.messages.create(QUESTION);
    expect(message.stop_reason).toBe('end_turn');
    expect(upstream.seen).toHaveLength(2);

    upstream.planned.push(ANTHROPIC_OVERLOADED);
    const failed = await anthropic.messages
      .create(QUESTION, { maxRetries: 0 })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Anthropic.InternalServerError);
    expect(failed).toMatchObject({
      status: 529,
      requestID: 'req_anthropic_529',
      error: { error: { type: 'overloaded_error' } },
    });
  });

  it("throws its AuthenticationError for Keyferry's 401, and the API sees nothing", async () => {
    const { baseUrl, upstream } = await start();
    const stranger = new Anthropic({ baseURL: baseUrl, apiKey: 'sk-ant-not-a-client-token' });
    const refused = await stranger.messages.create(QUESTION).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(refused).toMatchObject({ error: { code: 'client_unauthenticated' } });
    expect(upstream.connections).toBe(0);
  });

  it('works for a client that sends the token as x-api-key, where the route places that', async () => {
    const { baseUrl, token, upstream } = await start({ 'x-api-key': '<<secret:api_key>>' });
    const response = await fetch(`${baseUrl}/v1/messages`, {
      method: 'POST',
      headers: {
        'x-api-key': token,
        'anthropic-version': '2023-06-01',
        'content-type': 'application/json',
      },
      body: JSON.stringify(QUESTION),
    });
    expect(await response.json()).toMatchObject({ type: 'message', model: 'claude-test' });
    expect(upstream.seen[0]?.headers['x-api-key']).toBe(REAL_KEY);
  });
});

import OpenAI, { toFile } from 'openai';
import { describe, expect, it } from 'vitest';
import { startUpstream } from '../support/start-upstream.js';
import { REAL_KEY, startBehindKeyferry } from './start-behind-keyferry.js';
import { answerAsOpenAi, OPENAI_RATE_LIMITED, OPENAI_TEXT } from './upstreams/openai.js';

const QUESTION = {
  model: 'gpt-test',
  messages: [{ role: 'user' as const, content: 'Where do keys live?' }],
};

async function start(route = { match: { pathPrefix: '/openai' } }) {
  const upstream = await startUpstream(answerAsOpenAi(REAL_KEY));
  const behind = await startBehindKeyferry(upstream, { route });
  const openai = new OpenAI({ baseURL: `${behind.baseUrl}/v1`, apiKey: behind.token });
  return { ...behind, upstream, openai };
}

describe('the openai SDK with base URL and client token alone', () => {
  it('completes a chat, and keeps the id that the API gave the request', async () => {
    const { openai, upstream, token } = await start();
    const completion = await openai.chat.completions.create(QUESTION);
    expect(completion.choices[0]?.message.content).toBe(OPENAI_TEXT);
    expect(completion._request_id).toBe('req_openai_200');
    expect(upstream.seen).toHaveLength(1);
    expect(upstream.seen[0]?.target).toBe('/v1/chat/completions');
    expect(upstream.seen[0]?.rawHeaders.join('\n')).not.toContain(token);
  });

  it('streams a chat, piece by piece', async () => {
    const { openai } = await start();
    const stream = await openai.chat.completions.create({ ...QUESTION, stream: true });
    const pieces: string[] = [];
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
    expect(pieces.join('')).toBe(OPENAI_TEXT);
    expect(pieces.length).toBeGreaterThan(5);
  });

  it('lets a stream be left before its end', async () => {
    const { openai } = await start();
    const stream = await openai.chat.completions.create({ ...QUESTION, stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices[0]?.delta.content).toBe('Keys');
      break;
    }
    const again = await openai.chat.completions.create(QUESTION);
    expect(again.choices[0]?.message.content).toBe(OPENAI_TEXT);
  });

  it('uploads a file as multipart form data', async () => {
    const { openai, upstream } = await start();
    const bytes = Buffer.alloc(300_000, 7);
    const file = await toFile(bytes, 'notes.bin');
    const created = await openai.files.create({ file, purpose: 'assistants' });
    expect(created.bytes).toBeGreaterThan(bytes.length);
    expect(upstream.seen[0]?.body.includes(bytes)).toBe(true);
    expect(upstream.seen[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  });

  it("retries after the API's own 429, as it does without a proxy", async () => {
    const { openai, upstream } = await start();
    upstream.planned.push(OPENAI_RATE_LIMITED);
    const completion = await openai.chat.completions.create(QUESTION);
    expect(completion.choices[0]?.message.content).toBe(OPENAI_TEXT);
    expect(upstream.seen.map(({ headers }) => headers['x-stainless-retry-count'])).toEqual([
      '0',
      '1',
    ]);
  });

  it("throws its own error types for the API's errors, headers and all", async () => {
    const { openai, upstream } = await start();
    upstream.planned.push(OPENAI_RATE_LIMITED);
    const limited = await openai.chat.completions
      .create(QUESTION, { maxRetries: 0 })
      .catch((error: unknown) => error);
    expect(limited).toBeInstanceOf(OpenAI.RateLimitError);
    expect(limited).toMatchObject({ code: 'rate_limit_exceeded', requestID: 'req_openai_429' });
    const { headers } = limited as InstanceType<typeof OpenAI.RateLimitError>;
    expect(headers?.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(headers?.get('keyferry-error')).toBeNull();

    upstream.planned.push({ status: 500, body: { error: { message: 'broken', type: 'server' } } });
    const broken = openai.chat.completions.create(QUESTION, { maxRetries: 0 });
    await expect(broken).rejects.toBeInstanceOf(OpenAI.InternalServerError);
  });

  it("throws its AuthenticationError for Keyferry's 401, and the API sees nothing", async () => {
    const { openai, upstream, token } = await start();
    const stranger = openai.withOptions({ apiKey: `${token.slice(0, -4)}AAAA` });
    const refused = await stranger.chat.completions
      .create(QUESTION)
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
    const { headers } = refused as InstanceType<typeof OpenAI.AuthenticationError>;
    expect(headers?.get('keyferry-error')).toBe('client_unauthenticated');
    expect(upstream.connections).toBe(0);
  });

  it("passes the API's own 401 on, without the mark of Keyferry", async () => {
    const upstream = await startUpstream(answerAsOpenAi('another key'));
    const { baseUrl, token } = await startBehindKeyferry(upstream);
    const openai = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: token });
    const refused = await openai.chat.completions.create(QUESTION).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(refused).toMatchObject({ code: 'invalid_api_key', requestID: 'req_openai_401' });
    const { headers } = refused as InstanceType<typeof OpenAI.AuthenticationError>;
    expect(headers?.get('keyferry-error')).toBeNull();
  });
});

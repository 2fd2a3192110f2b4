import Anthropic from '@anthropic-ai/sdk';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;

const anthropic = new Anthropic({
  baseURL: `${PROXY_URL}/anthropic`, // was: the default, https://api.anthropic.com
  apiKey: CLIENT_TOKEN, // was: process.env.ANTHROPIC_API_KEY
});

const stream = anthropic.messages.stream({
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Where should an API key live?' }],
});
stream.on('text', (text) => process.stdout.write(text));
const { stop_reason } = await stream.finalMessage();
console.log(`\n(${stop_reason})`);

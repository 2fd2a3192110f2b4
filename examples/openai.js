import OpenAI from 'openai';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;

const openai = new OpenAI({
  baseURL: `${PROXY_URL}/openai/v1`, // was: the default, https://api.openai.com/v1
  apiKey: CLIENT_TOKEN, // was: process.env.OPENAI_API_KEY
});

const stream = await openai.chat.completions.create({
  model: 'gpt-5-mini',
  messages: [{ role: 'user', content: 'Where should an API key live?' }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
process.stdout.write('\n');

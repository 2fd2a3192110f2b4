import { WebSocket } from 'ws';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;

const socket = new WebSocket(
  `${PROXY_URL.replace('http', 'ws')}/openai/v1/realtime?model=gpt-realtime`, // was: wss://api.openai.com/v1/…
  { headers: { Authorization: `Bearer ${CLIENT_TOKEN}` } }, // was: process.env.OPENAI_API_KEY
);

socket.on('message', (data) => {
  const event = JSON.parse(data.toString());
  console.log(event.type);
  if (event.type === 'session.created') socket.close();
});
socket.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});

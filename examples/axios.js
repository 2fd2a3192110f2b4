import axios from 'axios';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;

const sendgrid = axios.create({
  baseURL: `${PROXY_URL}/sendgrid`, // was: https://api.sendgrid.com
  headers: { Authorization: `Bearer ${CLIENT_TOKEN}` }, // was: process.env.SENDGRID_API_KEY
});

const { status } = await sendgrid.post('/v3/mail/send', {
  personalizations: [{ to: [{ email: 'ada@example.com' }] }],
  from: { email: 'bot@example.com' },
  subject: 'Hello',
  content: [{ type: 'text/plain', value: 'Hello.' }],
});
console.log(`mail accepted (${status})`);

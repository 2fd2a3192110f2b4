import got from 'got';

const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;
const account = 'AC00000000000000000000000000000000';

const twilio = got.extend({
  prefixUrl: `${PROXY_URL}/twilio`, // was: https://api.twilio.com
  password: CLIENT_TOKEN, // was: process.env.TWILIO_AUTH_TOKEN
  username: account,
});

const message = await twilio
  .post(`2010-04-01/Accounts/${account}/Messages.json`, {
    form: { To: '+15550100', From: '+15550101', Body: 'Hello.' },
  })
  .json();
console.log(`message ${message.sid} is ${message.status}`);

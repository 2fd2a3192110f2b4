const { PROXY_URL = 'http://127.0.0.1:8080', CLIENT_TOKEN } = process.env;

const url = new URL(
  `${PROXY_URL}/google-maps/maps/api/geocode/json`, // was: https://maps.googleapis.com/maps/api/…
);
url.searchParams.set('key', CLIENT_TOKEN); // was: process.env.GOOGLE_MAPS_API_KEY
url.searchParams.set('address', '10 Downing Street, London');

const response = await fetch(url);
if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
const { results } = await response.json();
console.log(results[0].formatted_address);

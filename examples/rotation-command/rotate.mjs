#!/usr/bin/env node
// Rotates a token of a small HTTP service: one JSON object in, one out, no libraries. What Keyferry asks and takes:
// docs/providers/command.md. The service: PUT /tokens/ID makes a token (and answers the same one again), DELETE removes
// it, GET /me tells whether a token works.
import { readFileSync } from 'node:fs';

const input = JSON.parse(readFileSync(0, 'utf8'));
const { url } = input.settings;

async function ask(method, path, bearer) {
  const headers = { authorization: `Bearer ${bearer}` };
  let response;
  try {
    response = await fetch(new URL(path, url), { method, headers, redirect: 'error' });
  } catch {
    // It may have arrived: "unknown" is right for "mint", and harmless everywhere else.
    return fail('unknown');
  }
  const { status } = response;
  if (status === 429) {
    return fail('throttled', { retryAfterSeconds: Number(response.headers.get('retry-after')) });
  }
  if (status >= 500) return fail('unknown');
  return { status, body: status === 204 ? undefined : await response.json() };
}

function answer(body) {
  process.stdout.write(JSON.stringify(body));
  process.exit(0);
}

function fail(failure, more = {}) {
  answer({ error: { failure, ...more } });
}

const admin = input.credentials.admin;
switch (input.action) {
  case 'check': {
    const { status } = await ask('GET', '/me', admin);
    if (status !== 200) fail('refused');
    break;
  }
  case 'mint': {
    // The step's id as the token's: asked once more, the service makes no second one.
    const { status, body } = await ask('PUT', `/tokens/${input.stepId}`, admin);
    if (status !== 200 && status !== 201) fail('refused');
    answer({ ok: true, value: body.token, keyId: body.id });
    break;
  }
  case 'verify': {
    const { status } = await ask('GET', '/me', input.value);
    if (status !== 200) fail('refused');
    break;
  }
  case 'revoke': {
    // A key that was never answered goes by the step that was to make it.
    const id =
      input.keyId ?? (input.because === 'taken_back' ? input.stepId : input.settings.firstId);
    const { status } = await ask('DELETE', `/tokens/${id}`, admin);
    if (status !== 204 && status !== 404) fail('refused');
    break;
  }
  default:
    fail('refused');
}
answer({ ok: true });

import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Answer, PlannedAnswer } from '../../support/start-upstream.js';
import { sendAnswer } from '../../support/start-upstream.js';

/** Every error of Anthropic's API has this form. */
function failure(status: number, type: string, message: string): PlannedAnswer {
  const request_id = `req_anthropic_${status}`;
  return {
    status,
    headers: { 'request-id': request_id },
    body: { type: 'error', error: { type, message }, request_id },
  };
}

export const ANTHROPIC_OVERLOADED: PlannedAnswer = {
  ...failure(529, 'overloaded_error', 'Overloaded'),
  headers: { 'request-id': 'req_anthropic_529', 'retry-after-ms': '1' },
};

const WORDS = ['Keys', ' stay', ' at', ' home', '.'];
export const ANTHROPIC_TEXT = WORDS.join('');

/**
 * Messages (whole and streamed) of Anthropic's API. The key is taken as `Authorization: Bearer`, which the
 * SDK sends in the version at hand (1.11), or as `x-api-key`, which the API's reference names.
 */
export function answerAsAnthropic(key: string): Answer {
  return async (request, response) => {
    const { authorization } = request.headers;
    const given = authorization ?? request.headers['x-api-key'];
    if (given !== `Bearer ${key}` && given !== key) {
      return sendAnswer(response, failure(401, 'authentication_error', 'invalid x-api-key'));
    }
    if (request.headers['anthropic-version'] === undefined) {
      const message = 'anthropic-version: header is required';
      return sendAnswer(response, failure(400, 'invalid_request_error', message));
    }
    if (`${request.method} ${request.url.pathname}` !== 'POST /v1/messages') {
      return sendAnswer(response, failure(404, 'not_found_error', 'Not found'));
    }
    const { model, stream } = JSON.parse(request.body.toString()) as {
      model: string;
      stream?: boolean;
    };
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model, stop_sequence: null };
    const headers = { 'request-id': 'req_anthropic_200', 'anthropic-organization-id': 'org_1' };
    if (stream === true) {
      response.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
      return streamMessage(response, message);
    }
    sendAnswer(response, {
      status: 200,
      headers,
      body: {
        ...message,
        content: [{ type: 'text', text: ANTHROPIC_TEXT }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 5, output_tokens: 7 },
      },
    });
  };
}

async function streamMessage(response: ServerResponse, message: object): Promise<void> {
  const send = async (type: string, data: object): Promise<void> => {
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
    await nextTurn();
  };
  const usage = { input_tokens: 5, output_tokens: 1 };
  await send('message_start', { message: { ...message, content: [], stop_reason: null, usage } });
  await send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
  await send('ping', {});
  for (const text of WORDS) {
    await send('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
  }
  await send('content_block_stop', { index: 0 });
  const delta = { stop_reason: 'end_turn', stop_sequence: null };
  await send('message_delta', { delta, usage: { output_tokens: 7 } });
  await send('message_stop', {});
  response.end();
}

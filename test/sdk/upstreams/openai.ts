import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Answer, PlannedAnswer } from '../../support/start-upstream.js';
import { sendAnswer } from '../../support/start-upstream.js';

/** As the API answers a wrong key, without the part of the key that it would repeat. */
const UNAUTHORIZED: PlannedAnswer = {
  status: 401,
  headers: { 'x-request-id': 'req_openai_401' },
  body: {
    error: {
      message: 'Incorrect API key provided.',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    },
  },
};

export const OPENAI_RATE_LIMITED: PlannedAnswer = {
  status: 429,
  headers: {
    'x-request-id': 'req_openai_429',
    'retry-after-ms': '1',
    'x-ratelimit-remaining-requests': '0',
  },
  body: {
    error: {
      message: 'Rate limit reached for requests per minute.',
      type: 'requests',
      param: null,
      code: 'rate_limit_exceeded',
    },
  },
};

const WORDS = ['Keys', ' stay', ' at', ' home', ' – ', 'ünïcödé', '.'];

/** Chat completions (whole and streamed) and files of OpenAI's API, for the one key that is right. */
export function answerAsOpenAi(key: string): Answer {
  return async (request, response) => {
    if (request.headers.authorization !== `Bearer ${key}`)
      return sendAnswer(response, UNAUTHORIZED);
    const route = `${request.method} ${request.url.pathname}`;
    if (route === 'POST /v1/files') {
      return sendAnswer(response, {
        status: 200,
        body: { id: 'file-1', object: 'file', bytes: request.body.length, purpose: 'assistants' },
      });
    }
    if (route !== 'POST /v1/chat/completions') {
      const message = `Invalid URL (${route})`;
      const error = { message, type: 'invalid_request_error', param: null, code: null };
      return sendAnswer(response, { status: 404, body: { error } });
    }
    const { model, stream } = JSON.parse(request.body.toString()) as {
      model: string;
      stream?: boolean;
    };
    const common = { id: 'chatcmpl-1', created: 1_790_000_000, model };
    const headers = { 'x-request-id': 'req_openai_200', 'openai-processing-ms': '3' };
    if (stream !== true) {
      const message = { role: 'assistant', content: WORDS.join(''), refusal: null };
      return sendAnswer(response, {
        status: 200,
        headers,
        body: {
          ...common,
          object: 'chat.completion',
          choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
          usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
        },
      });
    }
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
    const send = (delta: object, finish: string | null): void => {
      const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
      const chunk = { ...common, object: 'chat.completion.chunk', choices };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    };
    for (const content of WORDS) {
      send({ content }, null);
      await nextTurn();
    }
    send({}, 'stop');
    response.end('data: [DONE]\n\n');
  };
}

export const OPENAI_TEXT = WORDS.join('');

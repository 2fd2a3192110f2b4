import type { IncomingMessage } from 'node:http';
import type { PageAnswer, Problem } from '../core/index.js';
import { CommandFailure } from './command-failure.js';
import { nextSteps } from './next-steps.js';
import { sendRequest } from './send-request.js';

/** Long enough for an audit log of millions of rows to be verified. */
const REQUEST_TIMEOUT_MS = 120_000;
const PAGE_LIMIT = 1000;
const NEVER = new AbortController().signal;

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends it, in place of the limit of time: the body may be large, or last. */
  readonly until?: AbortSignal;
}

export interface ApiConnection {
  readonly url: URL;
  readonly token: string;
  /** Where the token came from, for messages. */
  readonly tokenSource: string;
  readonly version: string;
}

/** Speaks the admin API. A refusal becomes a CommandFailure with exit code 2; no answer, with 1. */
export class ApiClient {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  /** Host of the admin API. */
  get hostname(): string {
    return this.#connection.url.hostname;
  }

  /** Scheme, host and port of the admin API. */
  get origin(): string {
    return this.#connection.url.origin;
  }

  /** The same API, by another admin. */
  withToken(token: string): ApiClient {
    return new ApiClient({ ...this.#connection, token, tokenSource: 'an admin made just now' });
  }

  /** Where others find what is at a path. */
  addressOf(path: string): string {
    const { url } = this.#connection;
    return new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url).href;
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#json('GET', path, { query });
  }

  /** With its `ETag`, for a change that is based on it. */
  async getTagged<T>(path: string): Promise<{ readonly body: T; readonly tag: string }> {
    const answer = await this.#send('GET', path, {});
    return { body: await this.#read(answer), tag: answer.headers.etag ?? '*' };
  }

  /** `body` undefined sends none. */
  post<T>(path: string, body?: unknown, request: ApiRequest = {}): Promise<T> {
    return this.#json('POST', path, { ...request, body });
  }

  put<T>(path: string, body: unknown, request: ApiRequest = {}): Promise<T> {
    return this.#json('PUT', path, { ...request, body });
  }

  patch<T>(path: string, body: unknown, request: ApiRequest = {}): Promise<T> {
    return this.#json('PATCH', path, { ...request, body });
  }

  delete<T>(path: string, query: Query = {}): Promise<T> {
    return this.#json('DELETE', path, { query });
  }

  /** Every item of a list that comes whole. */
  async list<T>(path: string): Promise<readonly T[]> {
    return (await this.get<PageAnswer<T>>(path)).items;
  }

  /** Every item of a list that comes in pages, or the first `most`. */
  async listPaged<T>(
    path: string,
    query: Query = {},
    most = Number.POSITIVE_INFINITY,
  ): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const limit = Math.min(PAGE_LIMIT, most - items.length);
      const page = await this.get<PageAnswer<T>>(path, { ...query, limit, cursor });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && items.length < most);
    return items;
  }

  /** The body as it comes, for what is too large to hold. */
  download(method: 'GET' | 'POST', path: string, query: Query = {}): Promise<IncomingMessage> {
    return this.#send(method, path, { query, until: NEVER });
  }

  /** The stream of server-sent events at a path, until `signal`. */
  async events(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = { accept: 'text/event-stream' };
    const answer = await this.#send('GET', path, { headers, until: signal });
    if (answer.headers['content-type']?.startsWith('text/event-stream') === true) return answer;
    answer.destroy();
    throw this.#notKeyferry(answer);
  }

  async #json<T>(method: string, path: string, request: ApiRequest): Promise<T> {
    return this.#read(await this.#send(method, path, request));
  }

  async #read<T>(answer: IncomingMessage): Promise<T> {
    const body = await readJson(answer);
    if (answer.statusCode === 204) return undefined as T;
    if (body === undefined) throw this.#notKeyferry(answer);
    return body as T;
  }

  async #send(method: string, path: string, request: ApiRequest): Promise<IncomingMessage> {
    const { url, token, version } = this.#connection;
    const target = new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      accept: 'application/json',
      ...request.headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      authorization: `Bearer ${token}`,
      'user-agent': `keyferry-cli/${version}`,
    };
    const signal = request.until ?? AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    let answer: IncomingMessage;
    try {
      answer = await sendRequest(target, { method, headers, body, signal });
    } catch (error) {
      throw this.#unreachable(error);
    }
    const { statusCode = 0 } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    throw await this.#refusal(answer, path);
  }

  async #refusal(answer: IncomingMessage, path: string): Promise<CommandFailure> {
    const problem = await readJson(answer);
    const isAdmin = isRecord(problem) && problem.code !== 'client_unauthenticated';
    // What asks for a client token is the proxy.
    if (!isAdmin || typeof problem.code !== 'string') {
      return this.#notKeyferry(answer);
    }
    const problems = Array.isArray(problem.errors) ? problem.errors.filter(isProblem) : [];
    const hints = nextSteps(problem.code, path, problems);
    if (answer.statusCode === 401 || problem.code === 'forbidden') {
      hints.push(`The token came from ${this.#connection.tokenSource}.`);
    }
    const retryAfter = answer.headers['retry-after'];
    if (retryAfter !== undefined) hints.push(`Try again in ${retryAfter} seconds.`);
    return new CommandFailure(String(problem.detail ?? problem.title ?? problem.code), {
      exitCode: 2,
      code: problem.code,
      problems,
      hints,
    });
  }

  #notKeyferry({ statusCode }: IncomingMessage): CommandFailure {
    return new CommandFailure(
      `what answers at ${this.#connection.url.origin} (status ${statusCode}) is not Keyferry's admin API`,
      {
        hints: [
          'The admin listener is not the proxy listener: by default it is http://127.0.0.1:8081.',
          'Name it with --admin-url or KEYFERRY_ADMIN_URL.',
        ],
      },
    );
  }

  #unreachable(error: unknown): CommandFailure {
    const { origin } = this.#connection.url;
    if (isRecord(error) && isRecord(error.cause) && error.cause.name === 'TimeoutError') {
      return new CommandFailure(
        `the server at ${origin} did not answer within ${REQUEST_TIMEOUT_MS / 1000} seconds`,
      );
    }
    const reason = systemCode(error);
    return new CommandFailure(
      `no server answers at ${origin}${reason === undefined ? '' : ` (${reason})`}`,
      {
        hints: [
          'Start one with: keyferry serve',
          'If it listens elsewhere, name it with --admin-url or KEYFERRY_ADMIN_URL.',
        ],
      },
    );
  }
}

/** Makes one path segment of a name. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}

async function readJson(answer: IncomingMessage): Promise<unknown> {
  try {
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `ECONNREFUSED` and the like. */
function systemCode(error: unknown): string | undefined {
  return isRecord(error) && typeof error.code === 'string' ? error.code : undefined;
}

function isProblem(value: unknown): value is Problem {
  return isRecord(value) && typeof value.path === 'string' && typeof value.message === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

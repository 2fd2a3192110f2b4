import type { HttpBindings } from '@hono/node-server';
import type { Admin, ErrorCode, Problem, ProblemDocument } from '../core/index.js';

/** Who calls: the admin and the token that stands for them. */
export interface Caller {
  readonly admin: Admin;
  readonly token: string;
}

/** One call of the admin API, in this process, as `caller`. */
export type CallApi = (
  request: Request,
  caller: Caller,
  bindings: HttpBindings,
) => Promise<Response>;

/** What the API refused, in its own words. */
export class ApiProblem extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly problems: readonly Problem[];

  constructor({ code, status, detail, errors }: ProblemDocument) {
    super(detail);
    this.name = 'ApiProblem';
    this.code = code;
    this.status = status;
    this.problems = errors ?? [];
  }
}

/** Parameters of a query; what is undefined or empty is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The admin API as the pages use it. Every call throws `ApiProblem` when it is refused. */
export interface Api {
  get<T>(path: string, query?: Query): Promise<T>;
  /** With its `ETag`, for a change that is based on it. */
  getTagged<T>(path: string): Promise<{ readonly body: T; readonly tag: string }>;
  post<T>(path: string, body?: unknown): Promise<T>;
  put<T>(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
  patch<T>(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
  delete<T>(path: string, query?: Query): Promise<T>;
  /** A file, which the API writes to the browser by itself: what comes back is to be handed on as it is. */
  download(method: 'GET' | 'POST', path: string): Promise<Response>;
}

/** `path` begins with `/v1/`; its parts are encoded by the caller (`segment`). */
export function createApi(call: CallApi, caller: Caller, bindings: HttpBindings): Api {
  const send = async (
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => {
    const request = new Request(new URL(path, 'http://console.invalid'), {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const response = await call(request, caller, bindings);
    if (response.ok) return response;
    throw new ApiProblem((await response.json()) as ProblemDocument);
  };
  const read = async <T>(response: Response): Promise<T> =>
    (response.status === 204 ? undefined : await response.json()) as T;
  return {
    get: async (path, query) => read(await send('GET', withQuery(path, query), undefined)),
    async getTagged(path) {
      const response = await send('GET', path, undefined);
      return { body: await read(response), tag: response.headers.get('etag') ?? '*' };
    },
    post: async (path, body) => read(await send('POST', path, body)),
    put: async (path, body, headers) => read(await send('PUT', path, body, headers)),
    patch: async (path, body, headers) => read(await send('PATCH', path, body, headers)),
    delete: async (path, query) => read(await send('DELETE', withQuery(path, query), undefined)),
    download: (method, path) => send(method, path, undefined),
  };
}

/** One segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

export function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (given.length === 0) return path;
  const text = new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  );
  return `${path}?${text}`;
}

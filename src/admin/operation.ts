import { type RouteConfig, z } from '@hono/zod-openapi';
import type { ErrorCode, Problem, Role } from '../core/index.js';
import type { AdminContext, AuthenticatedAdmin } from './admin-environment.js';
import { describeIssues } from './describe-issues.js';
import { invalidRequest } from './invalid-request.js';
import { problemResponses } from './problem-schema.js';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a handler gets: checked input and the caller. */
export interface Call<P, Q, B> {
  readonly caller: AuthenticatedAdmin;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly context: AdminContext;
}

export interface Answer<A> {
  readonly body: A;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A call of the API: its documentation, its checks and what it does, in one place. */
export interface OperationDefinition<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
> {
  readonly method: Method;
  /** In OpenAPI form: `/v1/secrets/{name}`. */
  readonly path: `/v1/${string}`;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** The least role that may call it. */
  readonly role: Role;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Whether the document says so; default: whether an empty object would be refused. */
  readonly bodyRequired?: boolean;
  readonly example?: unknown;
  readonly maxBodyBytes?: number;
  readonly status: 200 | 201 | 204;
  readonly answer?: A;
  readonly answerDescription: string;
  /** Whether the answer has an `ETag`. */
  readonly etag?: boolean;
  /** Error codes besides those that every call can answer with. */
  readonly errors?: readonly ErrorCode[];
  /** Takes `If-Match`. */
  readonly ifMatch?: boolean;
  /** Whether requests through the proxy may see a difference afterwards. */
  readonly changes: boolean;
  handle(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer<z.input<A>>>;
}

/** Unchecked input, as the request carried it. */
export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** An operation with its types closed over. */
export interface Operation {
  readonly method: Method;
  readonly path: string;
  readonly role: Role;
  readonly status: 200 | 201 | 204;
  readonly maxBodyBytes: number | undefined;
  readonly changes: boolean;
  readonly document: RouteConfig;
  /** Checks the input (`invalid_request` with every problem), then runs. */
  run(input: RawInput, caller: AuthenticatedAdmin, context: AdminContext): Promise<Answer<unknown>>;
}

const NOTHING = z.strictObject({});

export function defineOperation<
  P extends z.ZodType = typeof NOTHING,
  Q extends z.ZodType = typeof NOTHING,
  B extends z.ZodType = typeof NOTHING,
  A extends z.ZodType = z.ZodUndefined,
>(definition: OperationDefinition<P, Q, B, A>): Operation {
  const { method, path, role, status, maxBodyBytes, changes } = definition;
  return {
    method,
    path,
    role,
    status,
    maxBodyBytes,
    changes,
    document: documentOf(definition),
    run: (input, caller, context) => {
      const params = checkInput(definition.params ?? NOTHING, input.params, 'path');
      const query = checkInput(definition.query ?? NOTHING, input.query, 'query');
      const body = checkInput(definition.body ?? NOTHING, input.body ?? {}, '');
      return definition.handle({
        caller,
        params: params as z.output<P>,
        query: query as z.output<Q>,
        body: body as z.output<B>,
        context,
      });
    },
  };
}

/** What the schema makes of the input. Throws `invalid_request` with every problem. */
export function checkInput<S extends z.ZodType>(
  schema: S,
  input: unknown,
  where: '' | 'path' | 'query',
): z.output<S> {
  const result = schema.safeParse(input);
  const hidden = schema instanceof z.ZodUnknown ? [] : hiddenKeys(input);
  if (result.success && hidden.length === 0) return result.data;
  const issues = result.error?.issues.slice(0, MOST_ISSUES) ?? [];
  const problems = [...describeIssues(schema, input, issues), ...hidden].map((problem) => ({
    ...problem,
    path: where === '' ? problem.path : `${where}.${problem.path}`,
  }));
  throw invalidRequest(problems);
}

/** Enough for a person to begin with; a body may hold hundreds of thousands of wrong items. */
const MOST_ISSUES = 1000;
/** No body of named fields is deeper. */
const DEEPEST_FIELD = 4;

/** zod leaves `__proto__` out of a record without a word; what is not kept must not be accepted either. */
function hiddenKeys(value: unknown, depth = 0): Problem[] {
  if (typeof value !== 'object' || value === null || depth > DEEPEST_FIELD) return [];
  if (Object.hasOwn(value, '__proto__')) {
    return [{ path: '__proto__', message: 'cannot be the name of a field' }];
  }
  return Array.isArray(value)
    ? []
    : Object.values(value).flatMap((item) => hiddenKeys(item, depth + 1));
}

const EVERY_CALL = [
  'invalid_request',
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'internal_error',
  'store_unavailable',
] as const satisfies readonly ErrorCode[];

const IdempotencyHeader = z.object({
  'Idempotency-Key': z.string().max(255).optional().openapi({
    description: 'Repeating a request with the same key answers as the first time, without `token`',
  }),
});
const IfMatchHeader = z.object({
  'If-Match': z.string().optional().openapi({
    description: 'The `ETag` that the change is based on; 412 when it is no longer that',
    example: '"3"',
  }),
});

const ETAG_HEADER = {
  ETag: { description: 'What `If-Match` takes', schema: { type: 'string' as const } },
};

function documentOf<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
>(definition: OperationDefinition<P, Q, B, A>): RouteConfig {
  const codes = new Set<ErrorCode>([...EVERY_CALL, ...(definition.errors ?? [])]);
  if (definition.body !== undefined) codes.add('request_too_large');
  if (definition.method === 'post') {
    codes.add('idempotency_unfinished').add('idempotency_mismatch');
  }
  const example = definition.example === undefined ? {} : { example: definition.example };
  const headers = [
    ...(definition.method === 'post' ? [IdempotencyHeader] : []),
    ...(definition.ifMatch === true ? [IfMatchHeader] : []),
  ];
  return {
    method: definition.method,
    path: definition.path,
    tags: [definition.tag],
    summary: definition.summary,
    description: [definition.description, `Role: \`${definition.role}\`.`]
      .filter((part) => part !== undefined)
      .join('\n\n'),
    operationId: operationId(definition.method, definition.path),
    security: [{ adminToken: [] }],
    request: {
      ...(definition.params === undefined ? {} : { params: asParameters(definition.params) }),
      ...(definition.query === undefined ? {} : { query: asParameters(definition.query) }),
      ...(headers.length === 0 ? {} : { headers }),
      ...(definition.body === undefined
        ? {}
        : {
            body: {
              required: definition.bodyRequired ?? !definition.body.safeParse({}).success,
              content: { 'application/json': { schema: definition.body, ...example } },
            },
          }),
    },
    responses: {
      [definition.status]: {
        description: definition.answerDescription,
        ...(definition.etag === true ? { headers: ETAG_HEADER } : {}),
        ...(definition.answer === undefined
          ? {}
          : { content: { 'application/json': { schema: definition.answer } } }),
      },
      ...problemResponses([...codes]),
    },
  };
}

/** Parameters are always objects of named fields. */
function asParameters(schema: z.ZodType): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema;
  throw new TypeError('parameters are described by an object');
}

function operationId(method: string, path: string): string {
  const words = path
    .replace('/v1/', '')
    .split(/[^a-zA-Z0-9]+/)
    .filter((word) => word !== '');
  return method + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
}

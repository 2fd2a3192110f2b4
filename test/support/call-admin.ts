import type { CanaryWatch } from './canary.js';

export interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Record<string, unknown>;
}

/** Calls of the first admin. */
export interface AdminCalls {
  call(method: string, path: string, body?: unknown): Promise<AdminAnswer>;
  /** The same, and throws the problem document where it refuses. */
  admin<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
  /** Creates a secret with a first value in each environment given. */
  secret(name: string, values: Readonly<Record<string, string>>): Promise<void>;
}

/** What goes in as a value is watched for. */
export function adminCalls(
  adminUrl: string,
  token: () => Promise<string>,
  canary: CanaryWatch,
): AdminCalls {
  async function call(method: string, path: string, body?: unknown): Promise<AdminAnswer> {
    return callAdmin(adminUrl, await token(), method, path, body);
  }
  async function admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await call(method, path, body);
    if (answer.status < 400) return answer.body as T;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return {
    call,
    admin,
    async secret(name, values) {
      await admin('POST', '/v1/secrets', { name });
      for (const [environment, value] of Object.entries(values)) {
        canary.watch(`${name} in ${environment}`, value);
        await admin('POST', `/v1/secrets/${name}/environments/${environment}/versions`, { value });
      }
    },
  };
}

/** Calls an admin API; an answer without a body has an empty one. */
export async function callAdmin(
  adminUrl: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<AdminAnswer> {
  const response = await fetch(`${adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const parsed = type.includes('json') ? (JSON.parse(text) as Record<string, unknown>) : { text };
  return { status: response.status, type, body: parsed };
}

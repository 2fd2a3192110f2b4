import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

export interface LoadAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface SendOptions {
  readonly agent?: Agent;
  readonly headers?: Readonly<Record<string, string>>;
  /** Tries a connection again that was refused, for this long: nothing was sent on it. */
  readonly retryRefusedMs?: number;
}

/** Sends one GET and reads the whole answer. */
export async function send(url: string, options: SendOptions = {}): Promise<LoadAnswer> {
  const until = performance.now() + (options.retryRefusedMs ?? 0);
  for (;;) {
    try {
      return await sendOnce(url, options);
    } catch (error) {
      const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
      if (!refused || performance.now() > until) throw error;
      await wait(25);
    }
  }
}

function sendOnce(url: string, { agent, headers = {} }: SendOptions): Promise<LoadAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { headers, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          body += piece;
        });
        response.on('error', reject);
        response.on('close', () => {
          if (!response.complete) reject(new Error('the answer was cut'));
          else resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

export interface SteadyLoad {
  readonly sent: number;
  /** Waits for what is under way. */
  stop(): Promise<{ readonly sent: number; readonly failures: readonly string[] }>;
}

/**
 * Calls `work` so many times per second, whether or not earlier calls are done; a rejection is a failure. `work`
 * gets the number of its call, from 0.
 */
export function startLoad(perSecond: number, work: (call: number) => Promise<void>): SteadyLoad {
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1000);
    while (sent < due) {
      const call: Promise<void> = work(sent++)
        .catch((error: unknown) => {
          const code = error instanceof Error && 'code' in error ? `${String(error.code)} ` : '';
          failures.push(`call ${sent}: ${code}${String(error)}`);
        })
        .finally(() => underWay.delete(call));
      underWay.add(call);
    }
  }, 5);
  return {
    get sent() {
      return sent;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      return { sent, failures };
    },
  };
}

/** Keep-alive connections, at most so many. */
export function keepAlive(maxSockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets });
}

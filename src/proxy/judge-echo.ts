import type { EchoFinding, Plan } from '../core/index.js';
import type { Exchange } from './exchange.js';

/** Decides what becomes of a response in which something was found, and tells of it: once per secret. */
export class EchoJudge {
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #blocks: boolean;
  readonly #report: (finding: EchoFinding) => void;
  #told = 0;

  constructor(
    exchange: Exchange,
    plan: Plan,
    blocks: boolean,
    report: (finding: EchoFinding) => void,
  ) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#blocks = blocks;
    this.#report = report;
  }

  /**
   * `found`: names of all secrets found so far. True where that ended the response: with an error, or cut where it
   * had begun. `status` is the upstream's.
   */
  blocksFound(found: readonly string[], status: number): boolean {
    if (found.length === this.#told) return false;
    const secrets = found.slice(this.#told);
    this.#told = found.length;
    this.#tell('hit', this.#blocks ? 'blocked' : 'masked', secrets);
    if (!this.#blocks) return false;
    const names = secrets.map((name) => `"${name}"`).join(', ');
    this.#end(
      status,
      `The upstream's response held the value of ${names}, which the route places: it is not passed on.`,
    );
    return true;
  }

  /** The same for a body that cannot be searched. */
  blocksUnreadable(status: number): boolean {
    const secrets = [...new Set(this.#plan.uses.map(({ secret }) => secret))];
    this.#tell('unreadable', this.#blocks ? 'blocked' : 'passed', secrets);
    if (!this.#blocks) return false;
    this.#end(
      status,
      "The upstream's response has a Content-Encoding other than gzip and br, which cannot be searched for the " +
        'values that the route places: it is not passed on.',
    );
    return true;
  }

  #end(status: number, detail: string): void {
    this.#exchange.answered(status);
    this.#exchange.fail('echo_blocked', detail);
  }

  #tell(
    kind: EchoFinding['kind'],
    action: EchoFinding['action'],
    secrets: readonly string[],
  ): void {
    const { route, environment } = this.#plan;
    const { requestId, client } = this.#exchange;
    this.#report({ kind, action, route, environment, secrets, requestId, client });
  }
}

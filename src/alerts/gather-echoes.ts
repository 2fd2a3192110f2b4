import type { AlertFinding, EchoFinding } from '../core/index.js';

interface Gathered {
  readonly finding: EchoFinding;
  readonly secret: string;
  readonly sinceMs: number;
  count: number;
}

/** Counts responses that held a value, by environment, secret and route: as many as routes place. */
export class GatheredEchoes {
  #bySubject = new Map<string, Gathered>();

  add(finding: EchoFinding, nowMs: number): void {
    if (finding.kind !== 'hit') return;
    for (const secret of finding.secrets) {
      const subject = `${finding.environment} ${secret} ${finding.route}`;
      const known = this.#bySubject.get(subject);
      if (known === undefined) {
        this.#bySubject.set(subject, { finding, secret, sinceMs: nowMs, count: 1 });
      } else known.count++;
    }
  }

  /** What came since the last call. */
  take(): AlertFinding[] {
    const taken = [...this.#bySubject].map(([subject, gathered]) => report(subject, gathered));
    this.#bySubject = new Map();
    return taken;
  }
}

function report(subject: string, { finding, secret, sinceMs, count }: Gathered): AlertFinding {
  const { environment, route, client, action } = finding;
  return {
    kind: 'echo_hit',
    subject,
    urgency: action === 'passed' ? 'urgent' : 'warning',
    secret,
    environment,
    route,
    client,
    summary: `Responses of route "${route}" in ${environment} held the value of ${secret} (${action ?? 'found'}).`,
    whatToDo:
      'Find out why the upstream sends it back. Where a response may have reached somebody before, rotate the secret.',
    command: `keyferry rotate ${secret} --environment ${environment}`,
    sinceMs,
    count,
  };
}

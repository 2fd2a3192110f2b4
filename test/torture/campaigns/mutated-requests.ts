import { setTimeout as wait } from 'node:timers/promises';
import { AnswerReader } from '../../support/answer-reader.js';
import { type MutatedRequest, mutatedRequests } from '../../support/mutated-requests.js';
import { apiRoute, openProxy, REAL_KEY } from '../../support/start-proxy.js';
import { openStrictUpstream, type StrictRequest } from '../../support/strict-upstream.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/**
 * Mutated requests through a proxy to an upstream that takes nothing but strict HTTP/1.1: as many arrive as were
 * accepted, each with the credential in its place and nowhere else, and each answer is that of its request.
 */
export const campaign: Campaign = {
  name: 'mutated-requests',
  threat: 'request smuggling, response splitting',
  target: 1_000_000,
  unit: 'requests',
  slice: 50_000,
  run,
};

const CLIENTS = 32;
/** Drawn at once: fast-check holds all samples of a draw. */
const BATCH = 2000;
const MOST_FINDINGS = 20;
/** An answer that takes longer is a hang. */
const HANG_MS = 20_000;
const MARK = /^(\d+)-([0-9a-z]+)$/;

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const findings: string[] = [];
  const find = (what: string): void => {
    if (findings.length < MOST_FINDINGS) findings.push(what);
  };
  const upstream = await openStrictUpstream((request) => {
    for (const problem of misplaced(request, upstream.host)) find(problem);
    return markIn(request);
  });
  const rig = await openProxy({ limits: { bodyIdleMs: 150, headersTimeoutMs: 1000 } });
  try {
    await rig.secret('api_key', { production: REAL_KEY });
    await rig.routes([apiRoute(`${upstream.origin}/base`)]);
    const { token } = await rig.client('production');
    const attack = new Attack(rig.port, token, find);
    let [sent, accepted] = [0, 0];
    for (let from = 0; from < count && signal?.aborted !== true; from += BATCH) {
      const batch = mutatedRequests(seed + from, Math.min(BATCH, count - from));
      await attack.send(batch, from);
      sent += batch.length;
      while (rig.proxy.inFlight > 0) await wait(2);
      for (const { status, code } of rig.decisions.splice(0)) {
        if (status === 200 && code === undefined) accepted++;
        if (code === 'internal_error') find('an internal error');
      }
    }
    if (upstream.requests !== accepted) {
      find(`accepted ${accepted} requests, but ${upstream.requests} arrived`);
    }
    for (const violation of upstream.violations) find(violation);
    return { done: sent, findings, note: `${accepted} accepted, ${upstream.requests} arrived` };
  } finally {
    await rig.close();
    upstream.close();
  }
}

class Attack {
  readonly #port: number;
  readonly #token: string;
  readonly #find: (what: string) => void;

  constructor(port: number, token: string, find: (what: string) => void) {
    this.#port = port;
    this.#token = token;
    this.#find = find;
  }

  async send(requests: readonly MutatedRequest[], from: number): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      let client: AnswerReader | undefined;
      for (let at = next++; at < requests.length; at = next++) {
        const request = requests[at] as MutatedRequest;
        if (client === undefined || client.closed) client = await AnswerReader.connect(this.#port);
        const used = client;
        const hang = setTimeout(() => {
          this.#find(`no end after ${HANG_MS} ms: ${describe(request)}`);
          used.destroy();
        }, HANG_MS);
        if (!(await this.#one(used, request, from + at))) {
          used.destroy();
          client = undefined;
        }
        clearTimeout(hang);
      }
      client?.destroy();
    };
    await Promise.all(Array.from({ length: CLIENTS }, worker));
  }

  /** Sends one and reads its answers. False when the connection is of no more use. */
  async #one(client: AnswerReader, request: MutatedRequest, number: number): Promise<boolean> {
    const mark = `${number}-${checkOf(number)}`;
    const probe =
      request.end === 'probe'
        ? `GET /api/probe HTTP/1.1\r\nHost: a\r\nKeyferry-Token: {T}\r\nX-N: probe {N}\r\n\r\n`
        : '';
    const text = (request.text + probe).replaceAll('{T}', this.#token).replaceAll('{N}', mark);
    client.send(text);
    if (request.end === 'leave') {
      await wait(1);
      return false;
    }
    for (;;) {
      const answer = await client.answer();
      if (answer === undefined) return false;
      const { status, body, closes } = answer;
      if (status === 200 && body !== '-' && body !== mark && body !== `probe ${mark}`) {
        this.#find(`the answer of another request (${body}, not ${mark}): ${describe(request)}`);
      }
      if (status >= 500) this.#find(`status ${status}: ${describe(request)}`);
      if (closes) {
        await client.untilClosed();
        if (client.rest !== '') this.#find(`bytes after the last answer: ${describe(request)}`);
        return false;
      }
      if (request.end === 'answer' || body === `probe ${mark}`) break;
    }
    if (client.rest !== '') this.#find(`one answer too many: ${describe(request)}`);
    return client.rest === '';
  }
}

/** Only a mark that was made here counts: a mutation may have changed its digits. */
function markIn({ headers }: StrictRequest): string {
  const value = headers.find(([name]) => name === 'x-n')?.[1] ?? '';
  const [, number, check] = MARK.exec(value.replace(/^probe /, '')) ?? [];
  return number !== undefined && check === checkOf(Number(number)) ? value : '-';
}

function checkOf(number: number): string {
  return (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(36);
}

/** What of a request that arrived is not where it belongs. */
function misplaced({ head, headers, target, body }: StrictRequest, host: string): string[] {
  const problems: string[] = [];
  const wrong = (what: string): void => void problems.push(`${what}: ${JSON.stringify(head)}`);
  const placed = headers.filter(([name]) => name.replaceAll('_', '-') === 'authorization');
  if (placed.length !== 1 || placed[0]?.[1] !== `Bearer ${REAL_KEY}`) wrong('not the credential');
  if (head.split(REAL_KEY).length !== 2 || body.includes(REAL_KEY)) wrong('the secret elsewhere');
  if (headers.find(([name]) => name === 'host')?.[1] !== host) wrong('another host');
  if (!/^\/base(?:[/?]|$)/.test(target) || /\/\.\.?(?:[/?;]|$)/.test(target.split('?')[0] ?? '')) {
    wrong('outside of the base path');
  }
  if (/kfc_[\w-]{32}/.test(head)) wrong('a client token');
  return problems;
}

function describe({ kind, text }: MutatedRequest): string {
  return `${kind} ${JSON.stringify(text)}`;
}

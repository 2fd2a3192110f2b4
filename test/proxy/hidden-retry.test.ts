import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { NEW_KEY, OLD_KEY, startCutover } from '../support/start-cutover.js';
import { sendAnswer, startUpstream, type TestUpstream } from '../support/start-upstream.js';

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

async function startKeyed(accepted: ReadonlySet<string>): Promise<TestUpstream> {
  return startUpstream((seen, response) => {
    const key = (seen.headers.authorization ?? '').replace('Bearer ', '');
    const status = accepted.has(key) ? 200 : 401;
    sendAnswer(response, {
      status,
      headers: { 'x-answer': status },
      body: `${status} ${seen.body}`,
    });
  });
}

function send(
  { port, token }: { port: number; token: string },
  body?: string,
  headers: Record<string, string | number> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        port,
        path: '/api/things?a=1',
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'keyferry-token': token, ...headers },
      },
      (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => {
          text += piece.toString('latin1');
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const keysOf = ({ seen }: TestUpstream): (string | undefined)[] =>
  seen.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));

describe('a refused request', () => {
  it('is sent once more with the other version, in both directions', async () => {
    const upstream = await startKeyed(new Set([OLD_KEY]));
    const rig = await startCutover(upstream.origin);
    rig.canary();
    expect(await send(rig, 'hello')).toMatchObject({ status: 200, body: '200 hello' });
    expect(keysOf(upstream)).toEqual([NEW_KEY, OLD_KEY]);
    expect(upstream.seen.map(({ body }) => body.toString())).toEqual(['hello', 'hello']);
    rig.window();
    expect(await send(rig)).toMatchObject({ status: 200 });
    expect(keysOf(upstream)).toEqual([NEW_KEY, OLD_KEY, NEW_KEY, OLD_KEY]);
    expect(rig.decisions).toMatchObject([
      { status: 200, secrets: ['api_key@1'], retried: true },
      { status: 200, secrets: ['api_key@1'], retried: true },
    ]);
    const counts = { route: 'api', clientId: rig.clientId, cutoverId: 'cutover-1' };
    expect(await rig.observed()).toEqual([
      {
        ...counts,
        step: 0,
        side: 'old',
        accepted: 1,
        refused: 0,
        failed: 0,
        pairedRefusals: 0,
        sharedRefusals: 0,
      },
      {
        ...counts,
        step: 0,
        side: 'new',
        accepted: 0,
        refused: 1,
        failed: 0,
        pairedRefusals: 1,
        sharedRefusals: 0,
      },
      {
        ...counts,
        step: 1,
        side: 'old',
        accepted: 1,
        refused: 0,
        failed: 0,
        pairedRefusals: 0,
        sharedRefusals: 0,
      },
      {
        ...counts,
        step: 1,
        side: 'new',
        accepted: 0,
        refused: 1,
        failed: 0,
        pairedRefusals: 1,
        sharedRefusals: 0,
      },
    ]);
  });
});

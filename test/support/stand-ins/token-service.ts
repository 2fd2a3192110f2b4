import { randomBytes } from 'node:crypto';
import { FOREIGN_WORDS, type ProviderStandIn, type StandInKey } from '../provider-stand-in.js';
import { Faults } from './faults.js';
import { answerJson, bearerOf, listenStandIn } from './listen-stand-in.js';

/** The service of the examples: tokens by id, made by PUT, removed by DELETE, tried at `/me`. */
export async function startTokenService(): Promise<ProviderStandIn & { readonly origin: string }> {
  const admin = `admin-${randomBytes(12).toString('hex')}`;
  const faults = new Faults();
  const tokens = new Map<
    string,
    StandInKey & { readonly token: string; readonly works: boolean }
  >();
  const make = (id: string, madeBy: StandInKey['madeBy']): string => {
    const token = `token-${randomBytes(16).toString('hex')}`;
    const works = madeBy !== 'keyferry' || !faults.take('broken_key');
    tokens.set(id, { id, madeBy, token, works, state: 'live' });
    return token;
  };
  const initial = make('first', 'before');
  const works = (token: string | undefined): boolean =>
    [...tokens.values()].some((one) => one.token === token && one.works && one.state === 'live');

  const server = await listenStandIn((request, _body, response) => {
    const bearer = bearerOf(request.headers);
    const isAdmin = bearer === admin && !faults.take('wrong_credentials');
    const refuse = (status: number, headers = {}) =>
      answerJson(response, status, { error: FOREIGN_WORDS }, headers);
    if (request.url === '/me') {
      if (isAdmin || works(bearer)) return answerJson(response, 200, {});
      return refuse(401);
    }
    if (!isAdmin) return refuse(401);
    if (faults.take('throttled')) return refuse(429, { 'retry-after': '1' });
    if (faults.take('unavailable')) return refuse(503);
    const id = /^\/tokens\/([\w-]+)$/.exec(request.url ?? '')?.[1] ?? '';
    const known = tokens.get(id);
    if (request.method === 'PUT') {
      const token = known?.token ?? make(id, 'keyferry');
      if (faults.take('lost_answer')) return void response.socket?.destroy();
      return answerJson(response, known === undefined ? 201 : 200, { id, token });
    }
    if (faults.take('refused_revocation')) return refuse(403);
    if (known === undefined || known.state === 'gone') return refuse(404);
    tokens.set(id, { ...known, state: 'gone' });
    response.writeHead(204).end();
  });

  return {
    provider: 'custom',
    origin: server.origin,
    config: { url: server.origin, admin: 'token_service_admin', allowPrivateNetwork: true },
    providerSecrets: { token_service_admin: admin },
    initial,
    fields: [],
    headers: { Authorization: 'Bearer <<secret:key>>' },
    retryAfterSeconds: 1,
    faults: [
      'lost_answer',
      'unavailable',
      'throttled',
      'broken_key',
      'refused_revocation',
      'wrong_credentials',
    ],
    accepts: async (headers) => works(bearerOf(headers)),
    keys: async () => [...tokens.values()].map(({ id, state, madeBy }) => ({ id, state, madeBy })),
    fail: (fault, times) => faults.add(fault, times),
    async addForeignKey() {
      make('foreign', 'other');
      return 'foreign';
    },
    close: () => server.close(),
  };
}

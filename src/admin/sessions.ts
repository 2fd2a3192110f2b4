import { z } from '@hono/zod-openapi';
import { ROLES, SESSION_ORIGINS, type Session, SIGN_IN_LINK_LASTS_MS } from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminDependencies } from './dependencies.js';
import { defineOperation, type Operation } from './operation.js';
import { pageOf, pageParameters } from './query-parameters.js';
import { requireOwnToken } from './require-own-token.js';
import { coversScope, outsideScope, requireRole } from './scope.js';
import { wholeList } from './whole-list.js';
import { Timestamp, toTimestamp } from './wire-time.js';

const SessionSchema = z
  .strictObject({
    id: z.string(),
    admin: z.strictObject({ id: z.string(), name: z.string(), role: z.enum(ROLES) }),
    origin: z.enum(SESSION_ORIGINS),
    createdAt: Timestamp,
    expiresAt: Timestamp,
    lastSeenAt: Timestamp,
  })
  .openapi('Session');

const LinkSchema = z
  .strictObject({
    token: z.string().openapi({ description: 'For `/sign-in?link=…`, once' }),
    expiresAt: Timestamp,
  })
  .openapi('SignInLink');

/** Who is signed in at the console. */
export function sessionOperations({ store, tokens, clock }: AdminDependencies): Operation[] {
  return [
    defineOperation({
      method: 'post',
      path: '/v1/sign-in-links',
      tag: 'sessions',
      summary: 'Make a link that signs the caller in at the console',
      description: 'It works once, for two minutes.',
      role: 'viewer',
      status: 201,
      answer: LinkSchema,
      answerDescription: 'What the link holds, this once',
      changes: false,
      async handle({ caller }) {
        requireOwnToken(caller.admin, 'A sign-in link');
        const { id, hash, token } = tokens.mint('session');
        await store.createSignInLink({
          actor: actorOf(caller),
          adminId: caller.admin.id,
          tokenId: id,
          tokenHash: hash,
        });
        return { body: { token, expiresAt: toTimestamp(clock.now() + SIGN_IN_LINK_LASTS_MS) } };
      },
    }),
    defineOperation({
      method: 'get',
      path: '/v1/sessions',
      tag: 'sessions',
      summary: 'List who is signed in at the console',
      role: 'admin',
      query: z.strictObject(pageParameters),
      status: 200,
      answer: pageOf(SessionSchema),
      answerDescription: 'One page of sessions, newest first',
      changes: false,
      async handle({ caller, query }) {
        const page = await store.listSessions(query);
        const seen = page.items.filter(({ admin }) => coversScope(caller.admin, admin));
        return { body: { items: seen.map(showSession), nextCursor: page.nextCursor } };
      },
    }),
    defineOperation({
      method: 'delete',
      path: '/v1/sessions',
      tag: 'sessions',
      summary: 'Sign out everywhere',
      description:
        'Ends all sessions of the caller, or of another admin (role `admin`), who may be somebody who signed in with OpenID Connect.',
      role: 'viewer',
      query: z.strictObject({ admin: z.string().max(300).optional() }),
      status: 200,
      answer: z.strictObject({ ended: z.int() }),
      answerDescription: 'How many sessions ended',
      changes: false,
      async handle({ caller, query }) {
        const adminId = query.admin ?? caller.admin.id;
        if (adminId !== caller.admin.id) {
          requireRole(caller.admin, 'admin');
          const sessions = await wholeList((page) => store.listSessions(page));
          const found = sessions.filter(({ admin }) => admin.id === adminId);
          if (!found.every(({ admin }) => coversScope(caller.admin, admin))) throw outsideScope();
        }
        return { body: { ended: await store.endSessionsOf({ actor: actorOf(caller), adminId }) } };
      },
    }),
  ];
}

function showSession(session: Session): z.input<typeof SessionSchema> {
  const { id, name, role } = session.admin;
  return {
    id: session.id,
    admin: { id, name, role },
    origin: session.origin,
    createdAt: toTimestamp(session.createdAtMs),
    expiresAt: toTimestamp(session.expiresAtMs),
    lastSeenAt: toTimestamp(session.lastSeenAtMs),
  };
}

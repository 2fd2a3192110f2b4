import { z } from '@hono/zod-openapi';
import { SENT_BY, type TryAnswer, WITHHELD } from '../core/index.js';

const Field = z.strictObject({ name: z.string(), value: z.string() });

export const TryResult = z
  .strictObject({
    route: z.string(),
    environment: z.string(),
    method: z.string(),
    path: z.string().openapi({ description: 'Without its query' }),
    requestId: z.string().openapi({ description: 'As in the log, and as the upstream was told' }),
    injected: z.array(z.string()).openapi({ example: ['stripe_api_key@3'] }),
    sent: z
      .strictObject({
        url: z.string().openapi({
          example: 'https://api.example.com/v1/charges?limit=…&key=[redacted: api_key v3]',
        }),
        headers: z.array(
          z.strictObject({
            name: z.string(),
            by: z.enum(SENT_BY).openapi({
              description: '`request`: your own, passed on; `route`: placed; `keyferry`: added',
            }),
            value: z
              .string()
              .nullable()
              .openapi({ example: 'Bearer [redacted: stripe_api_key v3]' }),
          }),
        ),
        fields: z.array(Field).openapi({ description: 'What the route set in the body' }),
        removed: z.array(z.string()).openapi({ description: 'Your headers that did not go on' }),
      })
      .nullable()
      .openapi({ description: 'What was handed to the connection; null when nothing was sent' }),
    status: z.int().nullable().openapi({ description: "The upstream's; null when none came" }),
    response: z
      .strictObject({
        headers: z.array(Field),
        body: z.string().nullable().openapi({ description: 'The first 64 KiB' }),
        withheld: z.enum(WITHHELD).nullable().openapi({
          description:
            'Why there is no body. `short_value`: the route places a value of fewer than 8 bytes, which cannot be searched for; `encoded`: a Content-Encoding other than gzip and br; `not_text`: no text in UTF-8',
        }),
        isCut: z.boolean().openapi({ description: 'More came, or it did not end in 5 seconds' }),
      })
      .nullable(),
    echoed: z.array(z.string()).openapi({
      description: 'Secrets whose value the response held: it is masked, whatever `echoScrub` says',
    }),
    code: z.string().nullable().openapi({ description: 'Why no response came: an error code' }),
    detail: z.string().nullable(),
    durationMs: z.number(),
  })
  .openapi('RouteTryResult');

/** All of the answer but what was asked. */
export function showTry({ sent, response, status, code, detail, ...answer }: TryAnswer) {
  const fieldsOf = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([name, value]) => ({ name, value }));
  return {
    requestId: answer.requestId,
    injected: [...answer.injected],
    sent:
      sent === undefined
        ? null
        : {
            url: sent.url,
            headers: [...sent.headers],
            fields: fieldsOf(sent.fields),
            removed: [...sent.removed],
          },
    status: status === 0 ? null : status,
    response:
      response === undefined
        ? null
        : {
            headers: fieldsOf(response.headers),
            body: response.body,
            withheld: response.withheld ?? null,
            isCut: response.isCut,
          },
    echoed: [...answer.echoed],
    code: code ?? null,
    detail: detail ?? null,
    durationMs: Math.round(answer.durationMs * 100) / 100,
  };
}

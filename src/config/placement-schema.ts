import { z } from 'zod';
import {
  DEFAULT_GATHERED_BYTES,
  DIGEST_ENCODINGS,
  HMAC_ALGORITHMS,
  KEY_ENCODINGS,
  TIMESTAMP_FORMATS,
} from '../core/index.js';

/** 64 MiB: what is changed or hashed is held in memory, once per request under way. */
const LARGEST_GATHERED_BYTES = 64 * 1024 * 1024;

export const TEMPLATE_FORMS =
  'Text with templates: <<secret:NAME>>, <<secret:NAME.field>>, <<secret:NAME@3>>, <<basic:USER_SECRET,PASSWORD_SECRET>>, <<base64:NAME>>.';

const gatheredBytes = (description: string) =>
  z
    .int()
    .min(1)
    .max(LARGEST_GATHERED_BYTES)
    .optional()
    .meta({ description, default: DEFAULT_GATHERED_BYTES });

export const path = z.string().meta({
  description: `Path to put between the upstream's and the request's own; the client's token may come in place of each template. Values are percent-encoded and stay within their segment. ${TEMPLATE_FORMS}`,
  pattern: '^/',
  examples: ['/bot<<secret:telegram_bot_token>>'],
});

export const body = z
  .strictObject({
    json: z
      .record(z.string(), z.string())
      .optional()
      .meta({
        description: `Fields of a JSON body to set, by JSON pointer. Objects on the way that are missing are added. ${TEMPLATE_FORMS}`,
        examples: [{ '/auth/apiKey': '<<secret:search_api_key>>' }],
      }),
    form: z
      .record(z.string(), z.string())
      .optional()
      .meta({
        description: `Fields of an application/x-www-form-urlencoded body to set, by name. ${TEMPLATE_FORMS}`,
        examples: [{ client_secret: '<<secret:oauth_client_secret>>' }],
      }),
    maxBytes: gatheredBytes('Largest body that is changed; more is answered with 413.'),
  })
  .meta({ description: 'Fields of the request body to set.' });

const digest = {
  algorithm: z
    .enum(HMAC_ALGORITHMS)
    .optional()
    .meta({ description: "The hash; by default the signature's." }),
  encoding: z
    .enum(DIGEST_ENCODINGS)
    .optional()
    .meta({ description: 'How the hash is written.', default: 'hex' }),
};

const hmac = z
  .strictObject({
    key: z.string().meta({ description: 'The key, as a template.', examples: ['<<secret:NAME>>'] }),
    keyEncoding: z.enum(KEY_ENCODINGS).optional().meta({
      description: "How the key's bytes are written in the secret.",
      default: 'text',
    }),
    algorithm: z
      .enum(HMAC_ALGORITHMS)
      .optional()
      .meta({ description: 'The hash under the key.', default: 'sha256' }),
    canonical: z.string().meta({
      description:
        'The text that is signed: literal text, templates, and parts of the request as it is sent: <<method>>, <<path>>, <<query>>, <<target>>, <<host>>, <<header:NAME>>, <<body>>, <<bodyHash>>, <<timestamp>>, <<nonce>>.',
      examples: ['<<timestamp>>.<<method>>.<<target>>.<<body>>'],
    }),
    encoding: z.enum(DIGEST_ENCODINGS).optional().meta({
      description: 'How the signature is written.',
      default: 'hex',
    }),
    header: z.string().meta({ description: 'The header that carries the signature.' }),
    prefix: z
      .string()
      .optional()
      .meta({
        description:
          'Text in front of the signature; may hold templates, <<timestamp>> and <<nonce>>.',
        examples: ['v1='],
      }),
    bodyHash: z.strictObject(digest).optional().meta({
      description: 'What <<bodyHash>> is; by default the same algorithm, in hexadecimal.',
    }),
    timestamp: z
      .strictObject({
        header: z.string().optional().meta({ description: 'A header that carries it.' }),
        format: z.enum(TIMESTAMP_FORMATS).optional().meta({
          description:
            'seconds or milliseconds since 1970, iso8601 (2026-11-21T09:30:00Z) or http (Sat, 21 Nov 2026 09:30:00 GMT).',
          default: 'seconds',
        }),
      })
      .optional()
      .meta({ description: 'What <<timestamp>> is.' }),
    nonce: z
      .strictObject({ header: z.string().meta({ description: 'The header that carries it.' }) })
      .optional()
      .meta({ description: 'Where <<nonce>> is sent: 128 random bits in hexadecimal.' }),
    maxBodyBytes: gatheredBytes(
      'Largest body where the text holds <<body>> or <<bodyHash>>; more is answered with 413.',
    ),
  })
  .meta({ description: 'A keyed hash over a text made of the request.' });

const aws = z
  .strictObject({
    credentials: z.string().meta({
      description:
        'A secret with the fields accessKeyId, secretAccessKey and, if it has one, sessionToken.',
      pattern: '^<<secret:[^.>]+>>$',
      examples: ['<<secret:aws>>'],
    }),
    service: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'the name that the service signs with is expected, as s3')
      .meta({ description: 'The name that the service signs with.', examples: ['s3'] }),
    region: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a region is expected, as eu-central-1')
      .meta({ description: 'The region to sign for.', examples: ['eu-central-1'] }),
    maxBodyBytes: gatheredBytes(
      'Largest body that is hashed, where the client sends no hash of it and the service takes no unsigned one; more is answered with 413.',
    ),
  })
  .meta({ description: "AWS Signature Version 4, in place of the client's own signature." });

export const sign = z
  .strictObject({ hmac: hmac.optional(), aws: aws.optional() })
  .meta({ description: 'How requests are signed: hmac or aws.' });

/** Keys known at a place within the placements. */
export function placementKeysAt(at: readonly PropertyKey[]): readonly string[] {
  const last = at.at(-1);
  if (last === 'body') return Object.keys(body.shape);
  if (last === 'sign') return Object.keys(sign.shape);
  if (last === 'hmac') return Object.keys(hmac.shape);
  if (last === 'aws') return Object.keys(aws.shape);
  if (last === 'bodyHash') return Object.keys(digest);
  if (last === 'timestamp') return ['header', 'format'];
  return last === 'nonce' ? ['header'] : [];
}

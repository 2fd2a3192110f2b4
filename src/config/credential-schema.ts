import { z } from 'zod';
import { DEFAULT_REFUSED_CREDENTIAL } from '../core/index.js';

/** As much as all requests together may have kept. */
const MOST_KEPT_BYTES = 64 * 1024 * 1024;

export const refusedCredential = z
  .strictObject({
    statuses: z
      .array(z.int().min(400).max(499))
      .min(1)
      .optional()
      .meta({
        description:
          'Statuses by which the upstream says that it refuses the credential. 403 only where it never means the caller.',
        default: [...DEFAULT_REFUSED_CREDENTIAL.statuses],
        examples: [[401, 403]],
      }),
    retry: z.boolean().optional().meta({
      description:
        'Send a refused request once more with the other version while a cutover is under way. Off where a refused request may have had an effect.',
      default: DEFAULT_REFUSED_CREDENTIAL.retry,
    }),
    maxRetryBytes: z.int().min(0).max(MOST_KEPT_BYTES).optional().meta({
      description:
        'Longest body that is kept for it while a cutover is under way; 0 = only requests without a body are sent again.',
      default: DEFAULT_REFUSED_CREDENTIAL.maxRetryBytes,
    }),
  })
  .meta({ description: 'How the upstream refuses a credential, and what follows in a cutover.' });

export const probe = z
  .strictObject({
    method: z
      .string()
      .optional()
      .meta({
        description: 'GET, HEAD, OPTIONS, or POST where that changes nothing at the upstream.',
        default: 'GET',
        examples: ['HEAD'],
      }),
    path: z.string().meta({
      description:
        "Path behind the upstream's own, without match.pathPrefix where that is stripped; may have a query.",
      pattern: '^/',
      examples: ['/v1/account'],
    }),
    expectedStatus: z.int().min(200).max(599).optional().meta({
      description: 'The status that says that the credential is good. By default any below 400.',
    }),
  })
  .meta({
    description:
      'A request that tells whether a credential is good and changes nothing. Cutovers send it by themselves: before any other request has the new version, and while too few come.',
  });

/** Keys known at a place of the document. */
export function credentialKeysAt(last: PropertyKey | undefined): readonly string[] | undefined {
  if (last === 'refusedCredential') return Object.keys(refusedCredential.shape);
  return last === 'probe' ? Object.keys(probe.shape) : undefined;
}

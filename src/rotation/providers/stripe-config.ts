import { z } from 'zod';
import { providerSecret } from '../provider-secret.js';
import { endpointFields, endpointUrl } from './endpoint-fields.js';

export const STRIPE_API = 'https://api.stripe.com';

const permissions = z
  .array(z.string().regex(/^[a-z][a-z0-9_]{1,99}$/, 'such as charge_read is expected'))
  .min(1)
  .max(400);

export const stripeConfig = z
  .strictObject({
    mode: z.enum(['assisted', 'api']).default('assisted').meta({
      description:
        'assisted: a person rolls the key in the Stripe dashboard and pastes it; api: by the API for restricted keys, for accounts that have it.',
    }),
    oldKeyExpiresInHours: z.int().min(1).max(168).default(72).meta({
      description: 'assisted: what the person chooses as the end of the old key when rolling it.',
    }),
    operator: providerSecret('api: the key that may make and expire API keys.').optional(),
    account: z
      .string()
      .regex(/^acct_[A-Za-z0-9]{1,60}$/, 'an account such as acct_1AbC is expected')
      .optional()
      .meta({
        description: "api: the account whose keys are made, where it is not the operator's.",
      }),
    permissions: permissions.optional().meta({
      description: 'api: what the new key may do: the names of permissions of restricted keys.',
    }),
    connectPermissions: permissions.optional().meta({
      description: 'api: the same on connected accounts.',
    }),
    apiVersion: z
      .string()
      .regex(/^\d{4}-\d\d-\d\d\.[a-z]{1,30}$/, 'a version such as 2026-08-26.preview is expected')
      .default('2026-08-26.preview')
      .meta({ description: 'api: the Stripe-Version that has the API for keys.' }),
    endpoint: endpointUrl(`Where Stripe's API is, if not at ${STRIPE_API}.`).optional(),
    ...endpointFields,
  })
  .superRefine(({ mode, operator, permissions: named }, { addIssue }) => {
    if (mode === 'assisted') return;
    const missing = (path: string, message: string): void =>
      addIssue({ code: 'custom', path: [path], message });
    if (operator === undefined) missing('operator', 'mode api needs the key that makes keys');
    if (named === undefined) missing('permissions', 'mode api needs what the new key may do');
  });

export type StripeConfig = z.infer<typeof stripeConfig>;

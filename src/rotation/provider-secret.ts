import { z } from 'zod';
import { PROVIDERS_ENVIRONMENT, SECRET_NAME } from '../core/index.js';

/** A field of a provider's config that names a secret of `_providers`: forms and documentation tell by its mark. */
export function providerSecret(description: string) {
  return z
    .string()
    .regex(SECRET_NAME, `the name of a secret of environment ${PROVIDERS_ENVIRONMENT} is expected`)
    .meta({ description, 'x-keyferry': 'provider-secret' });
}

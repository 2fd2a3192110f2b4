import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { SecretValue } from '../../core/index.js';

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Fields of the config where this side proposes the value. */
export const proposalFields = {
  proposedLength: z.int().min(24).max(512).default(48).meta({
    description: 'How many letters and digits a proposed value has.',
  }),
  proposedPrefix: z
    .string()
    .max(64)
    .regex(/^[!-~]*$/, 'visible ASCII is expected')
    .default('')
    .meta({ description: 'What a proposed value begins with.' }),
};

/** A random value, of letters and digits after its prefix. */
export function proposeValue(config: {
  readonly proposedLength: number;
  readonly proposedPrefix: string;
}): SecretValue {
  const random = Array.from({ length: config.proposedLength }, () => ALPHANUMERIC[randomInt(62)]);
  return SecretValue.fromText(config.proposedPrefix + random.join(''));
}

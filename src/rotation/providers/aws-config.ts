import { z } from 'zod';
import { providerSecret } from '../provider-secret.js';
import { endpointFields, endpointUrl } from './endpoint-fields.js';

export const AWS_FIELDS = ['accessKeyId', 'secretAccessKey'] as const;

const USER_NAME = /^[\w+=,.@-]{1,64}$/;

export const awsConfig = z
  .strictObject({
    mode: z.enum(['operator', 'self']).meta({
      description:
        'operator: the key of another user makes and deletes the keys; self: the key in use does it itself.',
    }),
    userName: z
      .string()
      .regex(USER_NAME, 'the name of an IAM user is expected')
      .optional()
      .meta({ description: 'The IAM user whose keys are rotated; self: that of the key in use.' }),
    operator: providerSecret(
      "operator: the operator's key, with the fields accessKeyId and secretAccessKey.",
    ).optional(),
    region: z
      .string()
      .regex(/^[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}$/, 'a region such as eu-west-1 is expected')
      .default('us-east-1')
      .meta({ description: 'Whose STS is asked; it also tells the partition (cn-, us-gov-).' }),
    iamEndpoint: endpointUrl('Where IAM is, if not at AWS; signed for `region`.').optional(),
    stsEndpoint: endpointUrl('Where STS is, if not at AWS (a private endpoint).').optional(),
    consistencySeconds: z.int().min(1).max(40).default(20).meta({
      description: 'How long IAM may take until its lists show what was done.',
    }),
    ...endpointFields,
  })
  .superRefine(({ mode, userName, operator }, { addIssue }) => {
    const wrong = (path: string, message: string): void =>
      addIssue({ code: 'custom', path: [path], message });
    if (mode === 'self' && operator !== undefined) wrong('operator', 'is of mode operator alone');
    if (mode === 'self') return;
    if (userName === undefined) wrong('userName', 'mode operator needs the user whose key it is');
    if (operator === undefined) wrong('operator', 'mode operator needs the key of an operator');
  });

export type AwsConfig = z.infer<typeof awsConfig>;

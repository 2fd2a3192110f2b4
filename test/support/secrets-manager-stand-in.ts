import { createServer } from 'node:http';
import { listen } from './vault-stand-in.js';
import { awsRefusal } from './verify-aws-signature.js';

export const KEY_PAIR = { accessKeyId: 'AKIDCANARY', secretAccessKey: 'canary-secret-access-key' };

export interface HeldSecret {
  readonly Name: string;
  readonly SecretString?: string;
  readonly SecretBinary?: string;
  /** The error in place of the value. */
  readonly refused?: string;
}

export interface SecretsManagerOptions {
  /** How many answers say that it is asked too often, before each that does not. */
  readonly throttles?: number;
  readonly pageSize?: number;
}

/** AWS Secrets Manager over its JSON protocol: checks each signature, pages, throttles, refuses. */
export async function startSecretsManager(
  secrets: readonly HeldSecret[],
  { throttles = 0, pageSize = 2 }: SecretsManagerOptions = {},
): Promise<URL> {
  let throttled = 0;
  const answer = (target: string, body: Record<string, unknown>): readonly [number, unknown] => {
    if (throttled < throttles) {
      throttled++;
      return [400, { __type: 'ThrottlingException', message: 'Rate exceeded' }];
    }
    throttled = 0;
    if (target === 'secretsmanager.ListSecrets') {
      const [filter] = (body.Filters ?? []) as { Key: string; Values: string[] }[];
      const matching = secrets.filter(({ Name }) => Name.startsWith(filter?.Values[0] ?? ''));
      const from = Number(body.NextToken ?? 0);
      const next = from + Math.min(pageSize, Number(body.MaxResults));
      const SecretList = matching
        .slice(from, next)
        .map(({ Name }) => ({ Name, ARN: `arn:aws:secretsmanager:eu-west-1:1:secret:${Name}` }));
      return [200, { SecretList, ...(next < matching.length ? { NextToken: String(next) } : {}) }];
    }
    const held = secrets.find(({ Name }) => Name === body.SecretId);
    const refused = held === undefined ? 'ResourceNotFoundException' : held.refused;
    if (refused !== undefined) {
      return [400, { __type: `com.amazonaws.secretsmanager#${refused}`, message: 'canary' }];
    }
    return [200, { ...held, VersionStages: ['AWSCURRENT'] }];
  };
  return listen(
    createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const body = Buffer.concat(pieces).toString('latin1');
      const headers = Object.entries(request.headers).map(
        ([name, value]) => [name, String(value)] as const,
      );
      const arrived = { method: 'POST', target: request.url ?? '', headers, body };
      const refusal = awsRefusal(arrived, { ...KEY_PAIR, isS3: false });
      const [status, answered] =
        refusal === undefined
          ? answer(String(request.headers['x-amz-target']), JSON.parse(body))
          : [400, { __type: 'InvalidSignatureException', message: refusal }];
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(answered));
    }),
  );
}

import type { IAM } from '@aws-sdk/client-iam';
import type { STS } from '@aws-sdk/client-sts';
import { type ProviderCall, ProviderError, type ProviderFailure } from '../provider.js';
import { type Asked, retryAfterOf, sendToProvider } from './send-to-provider.js';

export interface AwsKeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

interface AwsEndpoints {
  readonly region: string;
  readonly iamEndpoint?: string | undefined;
  readonly stsEndpoint?: string | undefined;
  readonly timeoutSeconds: number;
  readonly allowPrivateNetwork: boolean;
  readonly ca?: string | undefined;
}

/** Who signs, and what may come of it. */
export interface AwsAsking {
  readonly call: ProviderCall<AwsEndpoints>;
  readonly pair: AwsKeyPair;
  /** Whose key it is, for messages: `the operator's key`. */
  readonly whose: string;
  readonly makes?: boolean;
}

/** The AWS partitions that people have keys of: IAM of each is one service, at home in one region. */
const PARTITIONS = [
  { regions: /^cn-/, home: 'cn-north-1', iam: 'iam.cn-north-1.amazonaws.com.cn', sts: '.cn' },
  { regions: /^us-gov-/, home: 'us-gov-west-1', iam: 'iam.us-gov.amazonaws.com', sts: '' },
  { regions: /^/, home: 'us-east-1', iam: 'iam.amazonaws.com', sts: '' },
] as const;

/** Asks IAM by the SDK: nothing is sent twice, and all goes through `Outbound`. Throws `ProviderError`. */
export async function askIam<Answer>(
  asking: AwsAsking,
  action: string,
  ask: (iam: IAM) => Promise<Answer>,
): Promise<Answer> {
  const { IAM: Client } = await import('@aws-sdk/client-iam');
  const { region, iamEndpoint } = asking.call.config;
  const { home, iam } = partitionOf(region);
  const place =
    iamEndpoint === undefined
      ? { region: home, endpoint: `https://${iam}` }
      : { region, endpoint: iamEndpoint };
  return askAws(asking, 'IAM', action, (options) => ask(new Client({ ...options, ...place })));
}

/** As `askIam`. */
export async function askSts<Answer>(
  asking: AwsAsking,
  action: string,
  ask: (sts: STS) => Promise<Answer>,
): Promise<Answer> {
  const { STS: Client } = await import('@aws-sdk/client-sts');
  const { region, stsEndpoint } = asking.call.config;
  const endpoint = stsEndpoint ?? `https://sts.${region}.amazonaws.com${partitionOf(region).sts}`;
  return askAws(asking, 'STS', action, (options) =>
    ask(new Client({ ...options, region, endpoint })),
  );
}

function partitionOf(region: string): (typeof PARTITIONS)[number] {
  return PARTITIONS.find(({ regions }) => regions.test(region)) ?? PARTITIONS[2];
}

async function askAws<Answer>(
  asking: AwsAsking,
  service: 'IAM' | 'STS',
  action: string,
  ask: (options: ReturnType<typeof clientOptions>) => Promise<Answer>,
): Promise<Answer> {
  const asked: Asked = { who: service, makes: asking.makes ?? false };
  const heard: Heard = { retryAfterMs: undefined };
  try {
    return await ask(clientOptions(asking, asked, heard));
  } catch (error) {
    throw awsFailure(error, asking, asked, action, heard);
  }
}

/** What the SDK hands over: its protocol has no query, and a text as body. */
interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

interface Heard {
  retryAfterMs: number | undefined;
}

/** All that the SDK would else look for in the environment and in files. */
function clientOptions({ call, pair }: AwsAsking, asked: Asked, heard: Heard) {
  const requestHandler = {
    async handle({ protocol, hostname, port, path, method, headers, body }: SignedRequest) {
      const url = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`;
      const answer = await sendToProvider(call, asked, { method, url, headers, body });
      heard.retryAfterMs = retryAfterOf(answer, call.clock.now());
      const { status: statusCode } = answer;
      return { response: { statusCode, headers: { ...answer.headers }, body: answer.body } };
    },
  };
  return {
    credentials: { ...pair },
    requestHandler,
    maxAttempts: 1,
    retryMode: 'standard',
    defaultsMode: 'standard',
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    userAgentAppId: 'keyferry',
  } as const;
}

/** Codes of AWS by what they mean; a code that is in none of them is not shown. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  wrongKey: [
    'InvalidClientTokenId',
    'SignatureDoesNotMatch',
    'IncompleteSignature',
    'MissingAuthenticationToken',
    'InvalidAccessKeyId',
    'UnrecognizedClient',
    'RequestExpired',
    'AuthFailure',
  ],
  denied: ['AccessDenied', 'UnauthorizedOperation', 'OptInRequired', 'NotAuthorized'],
  throttled: [
    'Throttling',
    'Throttled',
    'RequestThrottled',
    'RequestLimitExceeded',
    'TooManyRequests',
    'SlowDown',
  ],
  busy: ['EntityTemporarilyUnmodifiable', 'ConcurrentModification'],
};

function awsFailure(
  error: unknown,
  { call, whose }: AwsAsking,
  { who, makes }: Asked,
  action: string,
  { retryAfterMs }: Heard,
): ProviderError {
  if (error instanceof ProviderError) return error;
  const { code, status } = awsErrorOf(error);
  const failed = (failure: ProviderFailure, message: string, whatToDo: string): ProviderError =>
    new ProviderError(failure, message, { whatToDo, retryAfterMs, cause: error });
  const meaning = Object.entries(CODES).find(([, codes]) => codes.includes(code))?.[0];
  if (meaning === 'wrongKey') {
    return failed(
      'refused',
      `${who} does not accept ${whose} (${code}).`,
      'Look in IAM whether the key is there and active, whether the value in Keyferry is the same, and whether the clock of this machine is right.',
    );
  }
  if (meaning === 'denied') {
    const permission = `${who.toLowerCase()}:${action}`;
    return failed(
      'refused',
      `AWS does not allow ${whose} to do ${permission} (${code}).`,
      `Give its user the policy of docs/providers/aws.md: ${permission} is missing, or denied by a boundary or the organization.`,
    );
  }
  if (meaning === 'throttled' || status === 429) {
    return failed('throttled', `${who} is asked too often.`, 'It is asked again later.');
  }
  if (meaning === 'busy') {
    const whatToDo = 'It is asked again; look who else changes the user.';
    return failed('unavailable', `${who} is changing the user (${code}).`, whatToDo);
  }
  if (code === 'NoSuchEntity') {
    const whatToDo = 'Check "userName" in the config, and that the account is the right one.';
    return failed('refused', `IAM does not know what ${action} names.`, whatToDo);
  }
  if (code === 'LimitExceeded') {
    return failed(
      'refused',
      'The user has two access keys, which is as many as AWS allows.',
      'Delete the one that nobody uses in IAM; it was made after the rotation began.',
    );
  }
  if (status === undefined || status < 400 || status >= 500) {
    const said = status === undefined ? 'gave no answer that can be read' : `answered ${status}`;
    const whatToDo = `Look at the AWS Health Dashboard, and check the endpoint of ${who} in the config.`;
    return failed(makes ? 'unknown' : 'unavailable', `${who} ${said} to ${action}.`, whatToDo);
  }
  return failed(
    'refused',
    `${who} answered ${status} to ${action}.`,
    `Check "region" and the endpoints in the config; CloudTrail of region ${call.config.region} shows why.`,
  );
}

/** The code of an answer, without what the SDK puts behind it; empty where there was none. */
export function awsErrorOf(error: unknown): { code: string; status: number | undefined } {
  const own = error instanceof ProviderError ? error.cause : error;
  if (!(own instanceof Error)) return { code: '', status: undefined };
  const { $metadata } = own as { $metadata?: { httpStatusCode?: number } };
  return { code: own.name.replace(/Exception$/, ''), status: $metadata?.httpStatusCode };
}

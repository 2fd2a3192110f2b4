import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  FOREIGN_WORDS,
  type ProviderStandIn,
  STAND_IN_FAULTS,
  type StandInKey,
} from '../provider-stand-in.js';
import { type ArrivedRequest, awsRefusal, headerOf } from '../verify-aws-signature.js';
import { Faults } from './faults.js';
import { listenStandIn } from './listen-stand-in.js';

const ACCOUNT = '123456789012';
const MOST_KEYS = 2;

interface AwsKey {
  readonly id: string;
  readonly user: string;
  /** What the service compares with: another one than was given out where the key is broken. */
  readonly secret: string;
  readonly madeBy: StandInKey['madeBy'];
  readonly madeAtMs: number;
  status: 'Active' | 'Inactive';
  goneAtMs: number | undefined;
  usedAtMs: number | undefined;
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}
export interface AwsPolicy {
  readonly Statement: readonly Statement[];
}

/** The policies of docs/providers/aws.md, in its order. */
export function documentedPolicies(): { readonly operator: AwsPolicy; readonly self: AwsPolicy } {
  const page = readFileSync(new URL('../../../docs/providers/aws.md', import.meta.url), 'utf8');
  const found = [...page.matchAll(/```json policy\n([\s\S]*?)```/g)].map(
    ([, text = '']) => JSON.parse(text) as AwsPolicy,
  );
  const [operator, self] = found;
  if (operator === undefined || self === undefined) throw new Error('the page has no policies');
  return { operator, self };
}

export interface AwsOptions {
  readonly mode?: 'operator' | 'self';
  /** What whoever signs may do; by default what docs/providers/aws.md says. */
  readonly policy?: AwsPolicy;
  /** How long it takes until a new key works and lists show what was done. */
  readonly consistencyMs?: number;
}

export interface AwsStandIn extends ProviderStandIn {
  /** Actions that were asked for, in this order. */
  readonly asked: readonly string[];
}

/** IAM and STS over their query protocol: signatures, policies, two keys a user, answers that lag behind. */
export async function startAwsStandIn({
  mode = 'operator',
  policy = documentedPolicies()[mode],
  consistencyMs = 100,
}: AwsOptions = {}): Promise<AwsStandIn> {
  const asked: string[] = [];
  const faults = new Faults();
  const keys: AwsKey[] = [];
  const addKey = (
    user: string,
    madeBy: AwsKey['madeBy'],
    secret = randomBytes(30).toString('base64'),
  ): AwsKey => {
    const id = `AKIA${randomBytes(8).toString('hex').toUpperCase()}`;
    const madeAtMs = Date.now() - (madeBy === 'before' ? 86_400_000 : 0);
    const key: AwsKey = {
      id,
      user,
      secret,
      madeBy,
      madeAtMs,
      status: 'Active',
      goneAtMs: undefined,
      usedAtMs: undefined,
    };
    keys.push(key);
    return key;
  };
  const operator = addKey('keyferry', 'before');
  const first = addKey('app', 'before');
  const arnOf = (user: string): string => `arn:aws:iam::${ACCOUNT}:user/${user}`;

  const isKnown = ({ status, madeAtMs, goneAtMs }: AwsKey): boolean =>
    status === 'Active' && goneAtMs === undefined && Date.now() - madeAtMs >= consistencyMs;
  const isListed = ({ madeAtMs, goneAtMs }: AwsKey): boolean =>
    Date.now() - madeAtMs >= consistencyMs &&
    (goneAtMs === undefined || Date.now() - goneAtMs < consistencyMs);
  const isAllowed = (signer: AwsKey, action: string, resource: string): boolean => {
    if (mode === 'operator' && signer !== operator) return false;
    return policy.Statement.some(({ Action, Resource }) => {
      const resources = [Resource]
        .flat()
        .map((one) => one.replace(/\$\{aws:username\}/, signer.user));
      return matches([Action].flat(), action) && matches(resources, resource);
    });
  };

  const authenticate = (request: ArrivedRequest): AwsKey => {
    if (faults.take('wrong_credentials')) {
      throw new AwsError(403, 'InvalidClientTokenId');
    }
    const scope = /Credential=([^/]+)\/\d{8}\/([\w-]+)\/(iam|sts)\/aws4_request/.exec(
      headerOf(request, 'authorization'),
    );
    const key = keys.find(({ id }) => id === scope?.[1]);
    if (scope === null || scope[2] !== 'eu-west-1') throw new AwsError(403, 'IncompleteSignature');
    if (key === undefined || !isKnown(key)) throw new AwsError(403, 'InvalidClientTokenId');
    const pair = { accessKeyId: key.id, secretAccessKey: key.secret };
    if (awsRefusal(request, { ...pair, isS3: false }) !== undefined) {
      throw new AwsError(403, 'SignatureDoesNotMatch');
    }
    key.usedAtMs = Date.now();
    return key;
  };

  /** The answer's content; undefined where none is ever given. */
  const act = (form: URLSearchParams, signer: AwsKey): string | undefined => {
    const action = form.get('Action') ?? '';
    if (action === 'GetCallerIdentity') {
      return `<Arn>${arnOf(signer.user)}</Arn><UserId>AIDA${signer.user}</UserId><Account>${ACCOUNT}</Account>`;
    }
    if (faults.take('throttled')) throw new AwsError(400, 'Throttling');
    if (faults.take('unavailable')) throw new AwsError(503, 'ServiceUnavailable');
    const ownId = form.get('AccessKeyId');
    const held = keys.find(({ id, goneAtMs }) => id === ownId && goneAtMs === undefined);
    const user =
      form.get('UserName') ??
      (action === 'GetAccessKeyLastUsed' && held !== undefined ? held.user : signer.user);
    const target =
      action === 'SimulatePrincipalPolicy' ? (form.get('PolicySourceArn') ?? '') : arnOf(user);
    const isDenied = action === 'CreateAccessKey' && faults.take('missing_permission');
    if (isDenied || !isAllowed(signer, `iam:${action}`, target)) {
      throw new AwsError(403, 'AccessDenied');
    }
    if (!keys.some((key) => key.user === user)) throw new AwsError(404, 'NoSuchEntity');
    const keyOfUser = (): AwsKey => {
      if (held?.user !== user) throw new AwsError(404, 'NoSuchEntity');
      return held;
    };
    switch (action) {
      case 'ListAccessKeys': {
        const members = keys.filter((key) => key.user === user && isListed(key)).map(describeKey);
        return `<AccessKeyMetadata>${members.join('')}</AccessKeyMetadata><IsTruncated>false</IsTruncated>`;
      }
      case 'CreateAccessKey': {
        const living = keys.filter((key) => key.user === user && key.goneAtMs === undefined);
        if (living.length >= MOST_KEYS) throw new AwsError(409, 'LimitExceeded');
        const given = randomBytes(30).toString('base64');
        const isBroken = faults.take('broken_key');
        const key = addKey(user, 'keyferry', isBroken ? randomBytes(30).toString('base64') : given);
        if (faults.take('lost_answer')) return undefined;
        return `<AccessKey><UserName>${user}</UserName><AccessKeyId>${key.id}</AccessKeyId><Status>Active</Status><SecretAccessKey>${given}</SecretAccessKey><CreateDate>${timeText(key.madeAtMs)}</CreateDate></AccessKey>`;
      }
      case 'UpdateAccessKey':
        keyOfUser().status = form.get('Status') === 'Active' ? 'Active' : 'Inactive';
        return '';
      case 'DeleteAccessKey':
        if (faults.take('refused_revocation')) throw new AwsError(403, 'AccessDenied');
        keyOfUser().goneAtMs = Date.now();
        return '';
      case 'GetAccessKeyLastUsed': {
        const { usedAtMs } = keyOfUser();
        const date =
          usedAtMs === undefined ? '' : `<LastUsedDate>${timeText(usedAtMs)}</LastUsedDate>`;
        return `<UserName>${user}</UserName><AccessKeyLastUsed>${date}<ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>`;
      }
      case 'SimulatePrincipalPolicy': {
        const mayCreate = !faults.has('missing_permission');
        const resource = form.get('ResourceArns.member.1') ?? '';
        const members = valuesOf(form, 'ActionNames.member.').map((name) => {
          const allowed =
            isAllowed(signer, name, resource) && (mayCreate || name !== 'iam:CreateAccessKey');
          return `<member><EvalActionName>${name}</EvalActionName><EvalResourceName>${resource}</EvalResourceName><EvalDecision>${allowed ? 'allowed' : 'implicitDeny'}</EvalDecision></member>`;
        });
        return `<EvaluationResults>${members.join('')}</EvaluationResults><IsTruncated>false</IsTruncated>`;
      }
      default:
        throw new AwsError(400, 'InvalidAction');
    }
  };

  const answer = (request: IncomingMessage, body: string, response: ServerResponse): void => {
    const arrived = arrivedRequest(request, body);
    const form = new URLSearchParams(arrived.body);
    const action = form.get('Action') ?? '';
    asked.push(action);
    try {
      const content = act(form, authenticate(arrived));
      if (content === undefined) return;
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(
        `<${action}Response><${action}Result>${content}</${action}Result><ResponseMetadata><RequestId>${randomBytes(8).toString('hex')}</RequestId></ResponseMetadata></${action}Response>`,
      );
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      response.writeHead(error.status, { 'content-type': 'text/xml' });
      response.end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${error.code}</Code><Message>${FOREIGN_WORDS}: ${arrived.body}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
      );
    }
  };
  const { origin, close } = await listenStandIn(answer);

  return {
    provider: 'aws',
    asked,
    config: {
      mode,
      ...(mode === 'operator' ? { userName: 'app', operator: 'aws_operator' } : {}),
      region: 'eu-west-1',
      iamEndpoint: origin,
      stsEndpoint: origin,
      consistencySeconds: 1,
      timeoutSeconds: 5,
      allowPrivateNetwork: true,
    },
    providerSecrets: mode === 'operator' ? { aws_operator: textOfKey(operator) } : {},
    initial: textOfKey(first),
    fields: ['accessKeyId', 'secretAccessKey'],
    headers: {
      'x-access-key-id': '<<secret:key.accessKeyId>>',
      'x-secret-access-key': '<<secret:key.secretAccessKey>>',
    },
    faults: STAND_IN_FAULTS.filter((fault) => fault !== 'spent'),
    async accepts(headers) {
      const key = keys.find(({ id }) => id === headers['x-access-key-id']);
      if (key === undefined || !isKnown(key)) return false;
      if (key.secret !== headers['x-secret-access-key']) return false;
      key.usedAtMs = Date.now();
      return true;
    },
    async keys() {
      return keys
        .filter((key) => key !== operator)
        .map(({ id, madeBy, status, goneAtMs }) => {
          const living = status === 'Active' ? 'live' : 'disabled';
          return { id, madeBy, state: goneAtMs === undefined ? living : 'gone' };
        });
    },
    fail: (fault, times) => faults.add(fault, times),
    addForeignKey: async () => addKey('app', 'other').id,
    close,
  };
}

class AwsError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

function arrivedRequest(
  { method = '', url = '', headers }: IncomingMessage,
  body: string,
): ArrivedRequest {
  const named = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return { method, target: url, headers: named, body };
}

function describeKey({ id, user, status, madeAtMs }: AwsKey): string {
  return `<member><UserName>${user}</UserName><AccessKeyId>${id}</AccessKeyId><Status>${status}</Status><CreateDate>${timeText(madeAtMs)}</CreateDate></member>`;
}

function textOfKey({ id, secret }: AwsKey): string {
  return JSON.stringify({ accessKeyId: id, secretAccessKey: secret });
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+/, '');
}

/** Patterns of policies: `*` stands for anything. */
function matches(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`).test(text);
  });
}

function valuesOf(form: URLSearchParams, prefix: string): string[] {
  return [...form].flatMap(([name, value]) => (name.startsWith(prefix) ? [value] : []));
}

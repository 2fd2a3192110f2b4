import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import type { AwsSecretsLocation, VaultLocation } from './ports.js';
import { readTextFile } from './read-text-file.js';

export interface VaultOptions {
  readonly address?: string;
  readonly mount: string;
  readonly path?: string;
  readonly namespace?: string;
  readonly caFile?: string;
}

export interface AwsOptions {
  readonly region?: string;
  readonly endpoint?: string;
  readonly prefix?: string;
  readonly caFile?: string;
}

/** What the options and Vault's own variables say. */
export async function vaultLocation(
  options: VaultOptions,
  { terminal, variables }: Session,
): Promise<VaultLocation> {
  const address = options.address ?? variables.VAULT_ADDR;
  if (address === undefined) throw new CommandFailure('say where Vault is: --address URL');
  const tokenFile = variables.VAULT_TOKEN_FILE;
  const token =
    variables.VAULT_TOKEN ??
    (tokenFile === undefined
      ? undefined
      : await readTextFile(tokenFile, 'the file of VAULT_TOKEN_FILE', terminal));
  if (token === undefined || token.trim() === '') {
    throw new CommandFailure('there is no token for Vault', {
      hints: ['Give it in VAULT_TOKEN, or in the file that VAULT_TOKEN_FILE names.'],
    });
  }
  return {
    address: addressOf(address, '--address'),
    mount: options.mount,
    path: options.path ?? '',
    token: token.trim(),
    namespace: options.namespace ?? variables.VAULT_NAMESPACE,
    ca: await authorities(options.caFile ?? variables.VAULT_CACERT, terminal),
  };
}

/** What the options and the usual variables of AWS say. */
export async function awsLocation(
  options: AwsOptions,
  { terminal, variables }: Session,
): Promise<AwsSecretsLocation> {
  const region = options.region ?? variables.AWS_REGION ?? variables.AWS_DEFAULT_REGION;
  if (region === undefined || !/^[a-z0-9-]{1,40}$/.test(region)) {
    throw new CommandFailure('say which region: --region eu-west-1');
  }
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = variables;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new CommandFailure('there is no key pair for AWS', {
      hints: [
        'Give it in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN where it is temporary);',
        'for a profile: eval "$(aws configure export-credentials --profile NAME --format env)"',
      ],
    });
  }
  const endpoint =
    options.endpoint ?? variables.AWS_ENDPOINT_URL_SECRETS_MANAGER ?? variables.AWS_ENDPOINT_URL;
  return {
    region,
    endpoint: endpoint === undefined ? undefined : addressOf(endpoint, '--endpoint'),
    prefix: options.prefix,
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: variables.AWS_SESSION_TOKEN || undefined,
    ca: await authorities(options.caFile ?? variables.AWS_CA_BUNDLE, terminal),
  };
}

function addressOf(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '') {
    throw new CommandFailure(`${option} takes an address such as https://host:8200`);
  }
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback) {
    throw new CommandFailure(
      `${option} is http: the values would travel in clear; https, or a tunnel to this machine`,
    );
  }
  return url;
}

async function authorities(
  file: string | undefined,
  terminal: Session['terminal'],
): Promise<string | undefined> {
  return file === undefined ? undefined : readTextFile(file, 'the file of certificates', terminal);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADMIN_TOKEN_PREFIX, CLIENT_TOKEN_PREFIX } from '../core/index.js';
import type { ApiConnection } from './api-client.js';
import { CommandFailure } from './command-failure.js';

const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8081';
const DEFAULT_DATA_DIR = './data';
const TOKEN = /^kfa_[A-Za-z0-9_-]+$/;

export type Variables = Readonly<Record<string, string | undefined>>;

export interface ServerOptions {
  readonly adminUrl?: string | undefined;
  readonly dataDir?: string | undefined;
}

/** The data folder: `--data-dir`, then KEYFERRY_DATA_DIR, then `./data`. */
export function findDataDir(options: ServerOptions, variables: Variables): string {
  return options.dataDir ?? (variables.KEYFERRY_DATA_DIR || DEFAULT_DATA_DIR);
}

/**
 * Where the admin API is and which token to show it: KEYFERRY_ADMIN_TOKEN, KEYFERRY_ADMIN_TOKEN_FILE, or
 * `admin-token` in the data folder. Throws a CommandFailure that never holds the token.
 */
export function findServer(
  options: ServerOptions,
  variables: Variables,
): Omit<ApiConnection, 'version'> {
  const url = parseAdminUrl(options, variables);
  const { token, tokenSource } = findToken(options, variables);
  if (token.startsWith(CLIENT_TOKEN_PREFIX)) {
    throw new CommandFailure(
      `${tokenSource} holds a client token (${CLIENT_TOKEN_PREFIX}…); the admin API takes an admin token (${ADMIN_TOKEN_PREFIX}…)`,
    );
  }
  if (!TOKEN.test(token)) {
    throw new CommandFailure(
      `${tokenSource} does not hold an admin token (${ADMIN_TOKEN_PREFIX}…)`,
    );
  }
  return { url, token, tokenSource };
}

function parseAdminUrl(options: ServerOptions, variables: Variables): URL {
  const text = options.adminUrl ?? (variables.KEYFERRY_ADMIN_URL || DEFAULT_ADMIN_URL);
  const source = options.adminUrl === undefined ? 'KEYFERRY_ADMIN_URL' : '--admin-url';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CommandFailure(`${source} must be a URL such as ${DEFAULT_ADMIN_URL}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new CommandFailure(`${source} must not hold a user name or password`);
  }
  return url;
}

function findToken(
  options: ServerOptions,
  variables: Variables,
): { token: string; tokenSource: string } {
  const { KEYFERRY_ADMIN_TOKEN: token, KEYFERRY_ADMIN_TOKEN_FILE: file } = variables;
  if (token && file) {
    throw new CommandFailure('set only one of KEYFERRY_ADMIN_TOKEN and KEYFERRY_ADMIN_TOKEN_FILE');
  }
  if (token) return { token: token.trim(), tokenSource: 'KEYFERRY_ADMIN_TOKEN' };
  if (file) return { token: readToken(file), tokenSource: file };
  const inDataDir = join(findDataDir(options, variables), 'admin-token');
  return { token: readToken(inDataDir), tokenSource: inDataDir };
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(`no admin token: ${file} cannot be read (${code})`, {
      hints: [
        'The server writes one into its data folder at its first start; name that folder with --data-dir.',
        'From another machine, set KEYFERRY_ADMIN_TOKEN or KEYFERRY_ADMIN_TOKEN_FILE.',
      ],
    });
  }
}

/** What a start tells a person. */
import type { AddressInfo } from 'node:net';
import { relative, resolve } from 'node:path';

interface Started {
  readonly version: string;
  readonly proxy: string;
  readonly admin: string;
  readonly tokenFile: string;
  readonly tokenIsNew: boolean;
  /** The token of the example's client; undefined without the example. */
  readonly exampleToken: string | undefined;
  readonly dataDir: string;
}

/** `http://127.0.0.1:8080`, also for IPv6 and TLS. */
export function urlOf({ address, port, family }: AddressInfo, tls: boolean): string {
  const host = family === 'IPv6' ? `[${address}]` : address;
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
}

/** The lines that a start prints: where things are, and with the example what to try. */
export function startLines(started: Started): string[] {
  const { version, proxy, admin, tokenFile, tokenIsNew, exampleToken } = started;
  const file = relative(process.cwd(), tokenFile);
  const shown = file.startsWith('..') ? tokenFile : file;
  const lines = [
    `Keyferry ${version} is ready.`,
    '',
    `  Proxy          ${proxy}`,
    `  Console        ${admin}/  (its API: ${admin}/docs)`,
    `  Admin token    ${shown}${tokenIsNew ? '  (new; the command line finds it there)' : ''}`,
    '',
  ];
  return exampleToken === undefined ? lines : [...lines, ...exampleLines(started, exampleToken)];
}

function exampleLines({ proxy, admin, dataDir }: Started, token: string): string[] {
  const flags = commandLineFlags(dataDir, admin);
  const route =
    '{"routes":[{"name":"my-api","match":{"pathPrefix":"/my-api"},' +
    '"headers":{"Authorization":"Bearer <<secret:my_api_key>>"},' +
    '"environments":{"development":{"upstream":"https://api.example.com"}}}]}';
  return [
    'Try it: this request holds no credential; the example upstream answers whether the right one arrived.',
    '',
    `  curl -i -H 'Keyferry-Token: ${token}' ${proxy}/example/hello`,
    '',
    'Your own first route: put in your own host for api.example.com.',
    '',
    `  npx keyferry secrets create my_api_key --environment development${flags}`,
    `  echo '${route}' | npx keyferry routes apply -${flags}`,
    `  npx keyferry clients create my-app --environment development${flags}`,
    '',
  ];
}

/** What the command line needs to find this server; nothing with the defaults. */
function commandLineFlags(dataDir: string, admin: string): string {
  const folder = resolve(dataDir) === resolve('data') ? '' : ` --data-dir ${dataDir}`;
  return admin === 'http://127.0.0.1:8081' ? folder : `${folder} --admin-url ${admin}`;
}

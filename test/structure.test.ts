import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Third-party libraries by the rooms that are their home. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ['zod', 'jsonc-parser'],
  crypto: ['libsodium-wrappers'],
  store: ['better-sqlite3'],
  snapshot: ['lru-cache'],
  proxy: ['undici', 'hono', '@hono/node-server', 'lru-cache', '@smithy/signature-v4'],
  cutover: [],
  rotation: [
    'zod',
    'croner',
    '@aws-sdk/client-iam',
    '@aws-sdk/client-sts',
    'stripe',
    'pg',
    'mysql2',
  ],
  alerts: ['nodemailer'],
  admin: ['hono', '@hono/node-server', '@hono/zod-openapi', 'zod', 'swagger-ui-dist'],
  console: ['hono', '@hono/node-server', 'openid-client'],
  import: ['@smithy/signature-v4'],
  cli: ['commander', '@clack/prompts', 'picocolors'],
  telemetry: [
    'pino',
    'prom-client',
    '@opentelemetry/api',
    '@opentelemetry/sdk-trace-base',
    '@opentelemetry/exporter-trace-otlp-http',
    '@opentelemetry/resources',
    '@opentelemetry/semantic-conventions',
  ],
};

/** Composes rooms as the roots in src/ do: the parts of maintenance.ts. */
const COMPOSING_FOLDERS = ['maintenance'];

/** core has no I/O, clock or environment: nothing of Node but these. */
const CORE_BUILTINS = ['node:buffer', 'node:util'];

/**
 * Who takes the bytes of a `SecretValue` out, how often, and what for. A new caller is a decision: add it here
 * with its reason, and only after looking for a way without it.
 */
const EXPOSE_CALLERS: Readonly<Record<string, readonly [calls: number, reason: string]>> = {
  'alerts/channels/read-credential.ts': [1, 'reads the credential of a channel when it sends'],
  'admin/copy-value.ts': [
    1,
    'reads the fields of a copied value, to check them as those of a new one',
  ],
  'admin/guard-header-value.ts': [1, 'looks for control characters that a header cannot carry'],
  'console/openid-connect.ts': [1, 'sends the secret of the client to the provider'],
  'cli/send-value.ts': [2, 'writes the value into the body of the API call'],
  'crypto/keyring.ts': [1, 'derives the named keys from the root key'],
  'crypto/root-key.ts': [3, 'reads a given key, writes a new one, derives one from a passphrase'],
  'crypto/seal-value.ts': [1, 'seals'],
  'crypto/stored-keys.ts': [1, 'wraps a key under another root key'],
  'crypto/tokens.ts': [1, 'keys the hash of tokens'],
  'example.ts': [1, 'gives the example upstream the credential to compare with'],
  'maintenance/inspect-database.ts': [1, 'hands the audit keys to the store'],
  'open-store.ts': [1, 'hands the audit keys to the store'],
  'rotation/secret-text.ts': [1, 'providers are sent their credentials, and values of fields read'],
  'snapshot/render-plan.ts': [1, 'renders what a request will carry, once per snapshot'],
  'telemetry/otlp-headers.ts': [1, 'reads the headers that the receiver of traces asks for'],
};

interface SourceFile {
  /** From src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|[\s;}])import\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.js)['"]/gm;

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match.slice(1).find(Boolean) ?? '');
}

/** Every import that architecture.md does not allow, as `from → to: why`. */
function wrongArrows(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    importsOf(text).flatMap((target) => {
      const reason = objection(path, target);
      return reason === undefined ? [] : [`${path} → ${target}: ${reason}`];
    }),
  );
}

function objection(from: string, target: string): string | undefined {
  const room = roomOf(from);
  if (isBuiltin(target)) {
    if (!target.startsWith('node:')) return 'write node: in front';
    if (room === 'core' && !CORE_BUILTINS.includes(target)) return 'core is pure';
    return undefined;
  }
  if (!target.startsWith('.')) {
    const library = target
      .split('/')
      .slice(0, target.startsWith('@') ? 2 : 1)
      .join('/');
    if (room !== undefined && LIBRARIES[room]?.includes(library)) return undefined;
    return `${library} is not at home in ${room ?? 'a composing file'}`;
  }
  const to = posix.join(posix.dirname(from), target);
  const targetRoom = roomOf(to);
  if (to.startsWith('..')) return to === '../package.json' ? undefined : 'leads out of src/';
  if (room !== undefined && targetRoom === room) return undefined;
  if (targetRoom === undefined) return room === undefined ? undefined : 'a room knows no root';
  if (to !== `${targetRoom}/index.js`) return `a room is entered by its index.js`;
  if (room === undefined || targetRoom === 'core') return undefined;
  return 'rooms do not import each other';
}

/** The room of a path in src/; undefined for what composes rooms. */
function roomOf(path: string): string | undefined {
  const [first, ...rest] = path.split('/');
  const composes = rest.length === 0 || first === undefined || COMPOSING_FOLDERS.includes(first);
  return composes ? undefined : first;
}

function sourceFiles(): SourceFile[] {
  const names = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' });
  return names
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.tsx?$/.test(name))
    .sort()
    .map((path) => ({ path, text: readFileSync(`${root}/src/${path}`, 'utf8') }));
}

/** Called, taken by its name, or picked out of the object. */
const EXPOSE = /(?:\.|\[['"`]|[{,]\s*)expose\b/g;

const files = sourceFiles();

describe('imports in src/', () => {
  it('point down to core, and nowhere else', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(wrongArrows(files)).toEqual([]);
  });

  it('are all of rooms that are known', () => {
    const rooms = new Set(
      files.map(({ path }) => roomOf(path)).filter((room) => room !== undefined),
    );
    expect([...rooms].filter((room) => !(room in LIBRARIES))).toEqual([]);
  });

  it.each([
    ["import { openStore } from '../store/index.js';", 'proxy/a.ts', 'do not import each other'],
    ["export * from '../store/index.js';", 'proxy/a.ts', 'do not import each other'],
    ["import type { A } from '../core/errors.js';", 'proxy/a.ts', 'entered by its index.js'],
    ["import {\n  a,\n  b,\n} from '../server.js';", 'admin/a.ts', 'knows no root'],
    ["const a = await import('undici');", 'snapshot/a.ts', 'undici is not at home in snapshot'],
    ["const a = require('undici');", 'snapshot/a.ts', 'undici is not at home in snapshot'],
    ["let a: import('pino').Logger;", 'proxy/a.ts', 'pino is not at home in proxy'],
    ["import 'better-sqlite3';", 'server.ts', 'better-sqlite3 is not at home'],
    ["import { z } from '@hono/zod-openapi/x';", 'proxy/a.ts', '@hono/zod-openapi is not at home'],
    ["import { readFileSync } from 'node:fs';", 'core/a.ts', 'core is pure'],
    ["import { readFileSync } from 'fs';", 'store/a.ts', 'write node:'],
    ["import { a } from '../store/sqlite/migrate.js';", 'maintenance/a.ts', 'its index.js'],
    ["new Worker(new URL('../store/worker.js', import.meta.url))", 'proxy/a.ts', 'its index.js'],
    ["import a from '../../bench/a.js';", 'proxy/a.ts', 'leads out of src/'],
  ])('would be caught: %j in %s', (text, path, reason) => {
    expect(wrongArrows([{ path, text: `// a file\n${text}\n` }])).toEqual([
      expect.stringContaining(reason),
    ]);
  });

  it.each([
    ["import { AppError } from '../core/index.js';", 'proxy/a.ts'],
    ["import { AppError } from '../../core/index.js';", 'store/sqlite/a.ts'],
    ["import { a } from './a.js';\nimport { b } from '../index.js';", 'store/sqlite/b.ts'],
    ["import { createLog } from './telemetry/index.js';", 'server.ts'],
    ["import { open } from '../store/index.js';\nimport '../open-store.js';", 'maintenance/a.ts'],
    ["import { inspect } from 'node:util';", 'core/a.ts'],
  ])('are let pass: %j in %s', (text, path) => {
    expect(importsOf(text).length).toBeGreaterThan(0);
    expect(wrongArrows([{ path, text }])).toEqual([]);
  });
});

describe('files in src/', () => {
  it('have at most 400 lines', () => {
    const long = files.filter(({ text }) => text.split('\n').length > 401);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('tell how the server starts and stops in at most 300 lines', () => {
    const root = files.find(({ path }) => path === 'server.ts');
    expect(root?.text.split('\n').length).toBeLessThanOrEqual(301);
  });

  it('are named after what they export, not after a drawer', () => {
    const drawer = /(?:^|[-/])(?:utils?|helpers?|common|types?|managers?|services?)\.tsx?$/;
    expect(files.map(({ path }) => path).filter((path) => drawer.test(path))).toEqual([]);
  });

  it('say at the door of each room what it is for and what it imports', () => {
    const doors = files.filter(({ path }) => /^[^/]+\/index\.ts$/.test(path));
    const silent = doors.filter(({ path, text }) => {
      const header = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
      return !header.includes(`${path.split('/')[0]}: `) || !/\bimports?\b/i.test(header);
    });
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('that hold only types are passed on by core as types, and cost no start any time', () => {
    const isLoaded = new Map(
      [
        ...readFileSync(`${root}/src/core/index.ts`, 'utf8').matchAll(
          /^export (type )?\* from '\.\/(.*)\.js';$/gm,
        ),
      ].map(([, type, name]) => [`core/${name}.ts`, type === undefined]),
    );
    expect(isLoaded.size).toBeGreaterThan(40);
    const hasValues = /^(?:export )?(?:const|let|function|async|class|abstract)\b|^export [{*]/m;
    const wrong = files.filter(
      ({ path, text }) => isLoaded.has(path) && isLoaded.get(path) !== hasValues.test(text),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('reach for no clock, chance, environment or network in core', () => {
    const impure =
      /\b(?:Date\.now|new Date\(\)|Math\.random|process\.[a-z]|fetch\(|setTimeout|setInterval)/;
    const found = files.filter(({ path, text }) => path.startsWith('core/') && impure.test(text));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it('take bytes out of a SecretValue only where the list says', () => {
    const callers = files.flatMap(({ path, text }) => {
      const calls = path === 'core/secret-value.ts' ? 0 : (text.match(EXPOSE) ?? []).length;
      return calls === 0 ? [] : [[path, calls] as const];
    });
    const listed = Object.entries(EXPOSE_CALLERS).map(([path, [calls]]) => [path, calls]);
    expect(Object.fromEntries(callers)).toEqual(Object.fromEntries(listed));
  });
});

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProviderStandIn, StandInKey } from '../provider-stand-in.js';
import { bearerOf } from './listen-stand-in.js';

interface Held extends StandInKey {
  readonly value: string;
  readonly works: boolean;
  readonly madeAtMs: number;
}

/** A real program in a command folder of its own, which keeps its keys as files. */
export async function startCommandStandIn(): Promise<ProviderStandIn> {
  const root = mkdtempSync(join(tmpdir(), 'keyferry-command-'));
  const [programs, state] = [join(root, 'programs'), join(root, 'state')];
  mkdirSync(programs, { mode: 0o755 });
  mkdirSync(state, { mode: 0o700 });
  const executable = join(programs, 'rotate');
  copyFileSync(fileURLToPath(new URL('command-program.sh', import.meta.url)), executable);
  chmodSync(executable, 0o755);
  const password = `word-${randomBytes(12).toString('hex')}`;
  writeFileSync(join(state, 'password'), password);

  const add = (id: string, madeBy: StandInKey['madeBy']): string => {
    const value = `value-${randomBytes(16).toString('hex')}`;
    writeFileSync(join(state, `key.${id}`), `${value} 1 ${madeBy}\n`);
    return value;
  };
  const stateOf = (id: string): StandInKey['state'] => {
    const file = join(state, `state.${id}`);
    // Empty while it is written.
    const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'live';
    return text === 'gone' ? 'gone' : text === 'live' ? 'live' : 'disabled';
  };
  const read = (name: string): Held => {
    const file = join(state, name);
    const [value = '', works, madeBy] = readFileSync(file, 'utf8').trim().split(' ');
    const id = name.slice('key.'.length);
    return {
      id,
      value,
      works: works === '1',
      madeBy: madeBy as StandInKey['madeBy'],
      madeAtMs: statSync(file).mtimeMs,
      state: stateOf(id),
    };
  };
  let last: Held[] | undefined;
  const held = (): Held[] =>
    last ??
    readdirSync(state)
      .filter((name) => name.startsWith('key.'))
      .map(read)
      .sort((a, b) => a.madeAtMs - b.madeAtMs);
  const initial = add('before', 'before');
  let count = 0;

  return {
    provider: 'command',
    commandFolder: programs,
    config: {
      executable,
      args: [state],
      recovery: 'replay',
      actions: ['check', 'plan', 'verify', 'disable', 'revoke'],
      credentials: { password: 'command_password' },
    },
    providerSecrets: { command_password: password },
    initial,
    fields: [],
    headers: { Authorization: 'Bearer <<secret:key>>' },
    retryAfterSeconds: 1,
    faults: [
      'lost_answer',
      'unavailable',
      'throttled',
      'broken_key',
      'refused_revocation',
      'wrong_credentials',
    ],
    async accepts(headers) {
      const given = bearerOf(headers);
      return held().some(({ value, works, state: is }) => {
        return value === given && works && is === 'live';
      });
    },
    async keys() {
      return held().map(({ id, state: is, madeBy }) => ({ id, state: is, madeBy }));
    },
    fail(fault, times = 1) {
      for (let i = 0; i < times; i++) writeFileSync(join(state, `fault.${fault}.${count++}`), '');
    },
    async addForeignKey() {
      const id = `foreign${count++}`;
      add(id, 'other');
      return id;
    },
    async close() {
      last = held();
      await rm(root, { recursive: true, force: true });
    },
  };
}

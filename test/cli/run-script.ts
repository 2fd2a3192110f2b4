import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLinePorts } from '../../src/command-line-ports.js';
import { runCaptured } from './capture.js';

export const BIN = fileURLToPath(new URL('../../bin/keyferry.js', import.meta.url));

/** One line `$ keyferry …` of a script, with what follows it. */
interface Step {
  readonly type: 'command';
  readonly line: string;
  /** Lines `< …`: standard input. */
  readonly stdin: readonly string[];
}

/** `= name`, then lines `| …`: a file. Anything else that stays as it is: comments, blank lines. */
type Item =
  | Step
  | { readonly type: 'file'; readonly name: string; readonly lines: readonly string[] }
  | { readonly type: 'text'; readonly line: string };

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ScriptContext {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly proxyUrl: string;
  /** Gets everything that every command wrote, and its arguments. */
  readonly watch: (argv: readonly string[], finished: Finished) => void;
}

/**
 * Runs a script and gives it back with what really happened: standard output as it is, standard error
 * after `! `, an exit code other than 0 as `[1]`. What differs from run to run is put as `<id>`, `<time>`, ….
 */
export async function runScript(text: string, context: ScriptContext): Promise<string> {
  const lines: string[] = [];
  for (const item of parseScript(text)) {
    if (item.type === 'text') lines.push(item.line);
    else if (item.type === 'file') {
      writeFileSync(join(context.folder, item.name), `${item.lines.join('\n')}\n`);
      lines.push(`= ${item.name}`, ...item.lines.map((line) => `| ${line}`.trimEnd()));
    } else lines.push(...(await runStep(item, context)));
  }
  return normalise(lines.join('\n'), context);
}

function parseScript(text: string): Item[] {
  const items: Item[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const take = (mark: string): string[] => {
      const taken: string[] = [];
      while (lines[at + 1]?.startsWith(mark)) taken.push((lines[++at] ?? '').slice(2));
      return taken;
    };
    if (line.startsWith('$ ')) {
      items.push({ type: 'command', line: line.slice(2), stdin: take('<') });
      // What is expected is compared afterwards: the file against what this run gives.
      while ((lines[at + 1] ?? '') !== '' && !/^[$#=]/.test(lines[at + 1] ?? '')) at++;
    } else if (line.startsWith('= ')) {
      items.push({ type: 'file', name: line.slice(2), lines: take('|') });
    } else items.push({ type: 'text', line });
  }
  return items;
}

async function runStep({ line, stdin }: Step, context: ScriptContext): Promise<string[]> {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
  const command = words.indexOf('keyferry');
  const variables = words.slice(0, command).map((word): [string, string] => {
    const equals = word.indexOf('=');
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
  const argv = words.slice(command + 1);
  const environment = { ...context.environment, ...Object.fromEntries(variables) };
  const given = { environment, stdin: stdin.map((text) => `${text}\n`).join('') };
  const finished = await run(argv, context.folder, given);
  context.watch(argv, finished);
  return [
    `$ ${line}`,
    ...stdin.map((text) => `< ${text}`),
    ...outputLines(finished.stdout).map((text) => (text === '' ? '.' : text)),
    ...outputLines(finished.stderr).map((text) => `! ${text}`.trimEnd()),
    ...(finished.exitCode === 0 ? [] : [`[${finished.exitCode}]`]),
  ];
}

/** Nouns of which a command ran as a process. */
const started = new Set<string | undefined>();

/**
 * Each noun once as it ships, in a process of its own. To start one for every line takes longer than all that the
 * lines do: the others run in this process.
 */
async function run(
  argv: readonly string[],
  folder: string,
  { environment, stdin }: { environment: Readonly<Record<string, string>>; stdin: string },
): Promise<Finished> {
  if (started.has(argv[0])) {
    const before = process.cwd();
    process.chdir(folder);
    try {
      return await runCaptured(argv, { environment, stdin, ports: commandLinePorts(environment) });
    } finally {
      process.chdir(before);
    }
  }
  started.add(argv[0]);
  const child = startKeyferry(argv, { cwd: folder, environment });
  child.stdin?.end(stdin);
  return finish(child);
}

/** Starts the real command with nothing in its environment but what is given. */
export function startKeyferry(
  argv: readonly string[],
  options: { cwd: string; environment: Readonly<Record<string, string>> },
): ChildProcess {
  const { PATH = '' } = process.env;
  return spawn(process.execPath, [BIN, ...argv], {
    cwd: options.cwd,
    env: { PATH, ...options.environment },
  });
}

export function finish(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

function outputLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function normalise(text: string, { folder, environment, proxyUrl }: ScriptContext): string {
  return text
    .replaceAll(folder, '<folder>')
    .replaceAll(proxyUrl, '<proxy>')
    .replaceAll(environment.KEYFERRY_ADMIN_URL ?? '\0', '<admin>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replace(/kfc_[A-Za-z0-9_-]{30,}/g, '<client token>')
    .replace(/kfa_[A-Za-z0-9_-]{30,}/g, '<admin token>')
    .replace(/kff_[^.]+\.[A-Za-z0-9_-]{30,}/g, '<feed token>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<time>')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\dZ/g, '<minute>')
    .replace(/(?<![\w-])[\w-]{43}(?![\w-])/g, '<32 bytes>')
    .replace(/(?<![\w-])[\w-]{86}(?![\w-])/g, '<64 bytes>')
    .replace(/"bytes": \d+/g, '"bytes": <n>')
    .replace(/\(\d+ bytes/g, '(<n> bytes');
}

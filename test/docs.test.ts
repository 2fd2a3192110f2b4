import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Registry } from '../src/cli/command.js';
import { addNouns } from '../src/cli/nouns.js';
import { buildProgram } from '../src/cli/run-command-line.js';
import type { Terminal } from '../src/cli/terminal.js';
import {
  checkRoutesDocument,
  loadSettings,
  parseRoutesText,
  SETTINGS,
  type SettingRow,
} from '../src/config/index.js';
import { errorTable } from '../src/core/index.js';
import { startAdmin } from './admin/start-admin.js';
import { noPorts } from './cli/capture.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const rows: readonly SettingRow[] = SETTINGS;

interface Page {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

interface Block {
  readonly file: string;
  readonly language: string;
  readonly text: string;
}

const pages: readonly Page[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  join('examples', 'README.md'),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].map((file) => ({ file, text: read(file) }));

const blocks: readonly Block[] = pages.flatMap(({ file, text }) =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    file,
    language: match[1] ?? '',
    text: match[2] ?? '',
  })),
);

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

describe('the two commands of the README', () => {
  const readme = read('README.md');
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  it.each(['npm ci && npm start', 'npm ci && npm test'])('%s stands there by itself', (command) => {
    expect(readme.split('\n')).toContain(command);
  });

  it('and every other npm script that a page names exist', () => {
    const named = pages.flatMap(({ text }) =>
      [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map((m) => m[1] ?? m[2] ?? ''),
    );
    expect(named).toEqual(expect.arrayContaining(['start', 'test', 'build', 'bench']));
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('are what continuous integration runs', () => {
    expect(read('.ci/run')).toContain("command='npm ci && npm test'\n");
  });
});

/** The words of a shell command, as far as these pages use the shell; it ends at a pipe or redirection. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [word, double, single] of line.matchAll(/"([^"]*)"|'([^']*)'|[^\s"']+/g)) {
    if (/^(?:[|<>&;#]|&&|\d?>)/.test(word)) break;
    words.push(double ?? single ?? word);
  }
  return words;
}

/** The last one of a line: `sudo -u keyferry` and `exec keyferry` name other things before it. */
const COMMAND = /^(?:.*[|;(\s])?(?:keyferry|node \S*bin\/keyferry\.js) +([a-z].*)$/;

interface NamedCommand {
  readonly file: string;
  readonly line: string;
}

/** In blocks of shell, and in text between backticks. */
const commands: readonly NamedCommand[] = [
  ...blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ file, text }) => text.split('\n').map((line) => ({ file, line }))),
  ...pages.flatMap(({ file, text }) =>
    [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`(keyferry [^`]+)`/g)].map((match) => ({
      file,
      line: match[1] ?? '',
    })),
  ),
].flatMap(({ file, line }) => {
  const words = COMMAND.exec(line)?.[1];
  return words === undefined ? [] : [{ file, line: words }];
});

/** Parses a command line by the real commands, and runs nothing. */
async function problemOf(argv: readonly string[]): Promise<string | undefined> {
  const terminal = { write: () => undefined } as unknown as Terminal;
  const program = buildProgram(noPorts, terminal);
  let reached = false;
  const registry: Registry = {
    parent: program,
    run: () => {
      reached = true;
      return Promise.resolve();
    },
  };
  await addNouns(
    registry,
    rows
      .filter(({ readBy }) => readBy === 'server')
      .map((row) => ({ ...row, repeats: row.kind === 'environments' })),
  );
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.helpDisplayed') {
      return undefined;
    }
    return error instanceof Error ? error.message : String(error);
  }
  return reached ? undefined : 'no command was reached';
}

describe('commands on the pages', () => {
  it('are found, and are those that exist', async () => {
    expect(commands.length).toBeGreaterThan(60);
    const wrong: string[] = [];
    for (const { file, line } of commands) {
      const words = wordsOf(line);
      const problem = await problemOf(words[0] === 'help' ? [...words.slice(1), '--help'] : words);
      // In running text a command may stand without what it needs.
      const isMention = problem !== undefined && /missing required|not specified/.test(problem);
      if (problem !== undefined && !isMention) wrong.push(`${file}: ${line}: ${problem}`);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['secrets creat x', 'unknown command'],
    ['status --chek', 'unknown option'],
    ['audit list --limit many', '--limit'],
    ['routes apply a.json b.json', 'too many arguments'],
  ])('would be caught: %s', async (line, problem) => {
    expect(await problemOf(wordsOf(line))).toContain(problem);
  });

  it('name every command that there is', async () => {
    const program = buildProgram(noPorts, { write: () => undefined } as unknown as Terminal);
    await addNouns({ parent: program, run: () => Promise.resolve() }, []);
    const all = program.commands.flatMap((noun) =>
      noun.commands.length === 0
        ? [noun.name()]
        : noun.commands.map((verb) => `${noun.name()} ${verb.name()}`),
    );
    const guide = read('docs/cli.md');
    expect(all.filter((path) => !guide.includes(`keyferry ${path}`))).toEqual([]);
  });
});

/** Cells of the rows of every table of a page. */
function tableRows(file: string): string[][] {
  return read(file)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '));
}

describe('tables', () => {
  it('of errors are the table of core', () => {
    const found = tableRows('docs/errors.md')
      .filter(([code]) => code?.startsWith('`'))
      .map(([code, status, title]) => [code?.replaceAll('`', ''), Number(status), title]);
    const known = Object.entries(errorTable).map(([code, { status, title }]) => [
      code,
      status,
      title,
    ]);
    expect(found).toEqual(known);
  });

  it('of settings are the table of config', () => {
    const code = (text: string | undefined): string => (text === undefined ? '–' : `\`${text}\``);
    const expected = rows.map((row) => [
      code(row.flag === undefined ? undefined : [row.flag, row.takes].join(' ').trim()),
      [row.variable, ...(row.fileVariable === undefined ? [] : [row.fileVariable])]
        .map(code)
        .join(', '),
      code(row.default),
      row.description,
    ]);
    const found = tableRows('docs/settings.md').filter(([flag]) => flag !== 'flag');
    expect(found.filter(([flag]) => !flag?.startsWith('---'))).toEqual(expected);
  });

  it('of calls are the calls of the API', async () => {
    const admin = await startAdmin();
    onTestFinished(() => admin.stop());
    const { body } = await admin.call('GET', '/v1/openapi.json', { token: null });
    const documented = [...read('docs/api.md').matchAll(/`[^`]*?(\/v1\/[a-z/{}.-]+)`/g)];
    const paths = new Set(documented.map(([, path]) => path));
    paths.delete('/v1/openapi.json');
    expect([...paths].sort()).toEqual(Object.keys(body.paths).sort());
  });
});

describe('routes documents', () => {
  it('routes.example.json is valid', () => {
    const { problems, warnings } = parseRoutesText(read('routes.example.json'));
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
  });

  it('on the pages are valid, and so are config files and roles of OpenID Connect', () => {
    const seen = { routes: 0, config: 0 };
    // Those of providers are rotations' configs: test/rotation/provider-docs.test.ts.
    const documents = blocks.filter(
      ({ file, language }) => language === 'json' && !file.startsWith('docs/providers/'),
    );
    for (const { text } of documents) {
      const value = JSON.parse(text) as Record<string, unknown>;
      if ('routes' in value && typeof value.routes !== 'string') {
        seen.routes++;
        const { problems, warnings } = checkRoutesDocument(value);
        expect({ problems, warnings, text }).toEqual({ problems: [], warnings: [], text });
      } else {
        seen.config++;
        const oidc = { '--oidc-issuer': 'https://sso.example', '--oidc-client-id': 'keyferry' };
        const flags = Array.isArray(value)
          ? { ...oidc, '--oidc-roles': 'r.json', '--public-admin-url': 'https://keyferry.example' }
          : { '--config': 'keyferry.json' };
        expect(() => loadSettings({ flags, environment: {}, readFile: () => text })).not.toThrow();
      }
    }
    expect(seen.routes).toBeGreaterThanOrEqual(3);
    expect(seen.config).toBeGreaterThanOrEqual(1);
  });
});

/** The anchor of a heading, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

describe('links', () => {
  it('lead somewhere', () => {
    const broken: string[] = [];
    for (const { file, text } of pages) {
      for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = '', anchor] = target.split('#');
        const to = path === '' ? join(root, file) : join(root, dirname(file), path);
        if (!existsSync(to)) broken.push(`${file}: ${target}`);
        else if (anchor !== undefined) {
          const headings = [...readFileSync(to, 'utf8').matchAll(/^#+ (.*)$/gm)];
          if (!headings.some(([, heading = '']) => anchorOf(heading) === anchor)) {
            broken.push(`${file}: ${target} has no such heading`);
          }
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it('and names of files in backticks are those of files that are there', () => {
    const named = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/`((?:src|test|docs|deploy|migrations)\/[\w./-]+)`/g)].map(
        ([, path = '']) => ({ file, path }),
      ),
    );
    expect(named.length).toBeGreaterThan(15);
    const later = named.filter(({ path }) => path.includes('NNNN'));
    const gone = named.filter(({ path }) => !existsSync(join(root, path)));
    expect(gone).toEqual(later);
  });

  it('to every decision stand in their list, whose numbers have no gap', () => {
    const list = read('docs/decisions/README.md');
    const files = readdirSync(join(root, 'docs/decisions')).filter((name) => /^\d/.test(name));
    expect(files.filter((name) => !list.includes(`(${name})`))).toEqual([]);
    expect(files.map((name) => Number(name.slice(0, 4)))).toEqual(files.map((_, i) => i + 1));
  });
});

describe('pages', () => {
  it('fit a screen, where they are decisions, and say what would make us revisit them', () => {
    const decisions = pages.filter(({ file }) => /decisions.\d/.test(file));
    const wrong = decisions.filter(
      ({ text }) => text.split('\n').length > 45 || !text.includes('\n## Revisit when\n'),
    );
    expect(decisions.length).toBeGreaterThan(20);
    expect(wrong.map(({ file }) => relative(root, file))).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { runCaptured } from './capture.js';

/** What bash offers for a line whose last word is being typed. */
async function complete(...words: string[]): Promise<string[]> {
  const { stdout: script } = await runCaptured(['completion', 'bash']);
  const asked = `${script}
COMP_WORDS=(keyferry ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_keyferry
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', asked], { encoding: 'utf8' }).trim().split('\n');
}

describe('completion for bash', () => {
  it.each([
    [['sta'], ['status']],
    [
      ['secrets', ''],
      ['create', 'list', 'show', 'update', 'delete', 'merge-environments'],
    ],
    [['secrets', 'cr'], ['create']],
    [
      ['routes', 're'],
      ['revisions', 'restore', 'replace-secret'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['versions', 'add', 'x', '--val'], ['--value-file']],
    [['secrets', 'create', 'list', '--env'], ['--environment']],
  ])('%j: %j', async (words, offered) => {
    expect(
      (await complete(...words)).filter((word) => !words.includes('') || !word.startsWith('-')),
    ).toEqual(offered);
  });
});

describe('completion for other shells', () => {
  it('for zsh is that of bash, through its bridge', async () => {
    const zsh = (await runCaptured(['completion', 'zsh'])).stdout;
    expect(zsh).toMatch(/^#compdef keyferry\n.*bashcompinit/);
    expect(zsh).toContain((await runCaptured(['completion', 'bash'])).stdout);
  });

  it('for fish names every noun and its verbs', async () => {
    const { stdout } = await runCaptured(['completion', 'fish']);
    expect(stdout).toContain("-n __fish_use_subcommand -a secrets -d '");
    expect(stdout).toContain('and not __fish_seen_subcommand_from create list show update delete');
    expect(stdout).toContain('-l value-file -r');
  });

  it('is refused for an unknown shell', async () => {
    const run = await runCaptured(['completion', 'tcsh']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('Allowed choices are bash, zsh, fish');
  });
});

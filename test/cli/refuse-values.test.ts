import { describe, expect, it } from 'vitest';
import { runCaptured } from './capture.js';

// Built at run time: a file with whole credentials in it alarms every scanner.
const tail = '51HxNotARealKey0123456789';
const values = [
  `sk_live_${tail}`,
  `sk-proj-${tail}`,
  `ghp_${tail}${tail}`,
  `AKIA${'ABCDEFGHIJ234567'}`,
  `xoxb-${tail}`,
  `eyJ${tail}.${tail}.${tail}`,
  `kfc_${tail}`,
  `kfa_${tail}`,
  `AIza${tail}${tail}`,
];

describe('a value given as an argument', () => {
  it.each(values)('is refused wherever it stands and never repeated (%#)', async (value) => {
    for (const argv of [
      ['secrets', 'create', 'stripe', value],
      ['secrets', 'create', value],
      ['versions', 'add', 'stripe', '--environment', 'production', '--note', value],
      ['versions', 'add', 'stripe', `--environment=${value}`],
      [value],
    ]) {
      const run = await runCaptured(argv);
      expect(run.exitCode).toBe(1);
      expect(run.stderr).toContain('never given as an argument');
      expect(run.stdout + run.stderr).not.toContain(tail);
    }
  });

  it.each(['--value', '--password', '--token', '--api-key', '--key'])(
    '%s is explained and its value not repeated',
    async (option) => {
      for (const given of [[option, 'hunter2-hunter2'], [`${option}=hunter2-hunter2`]]) {
        const run = await runCaptured(['secrets', 'create', 'db', ...given]);
        expect(run.exitCode).toBe(1);
        expect(run.stderr).toContain('standard input');
        expect(run.stdout + run.stderr).not.toContain('hunter2');
      }
    },
  );

  it('is not repeated when it is one argument too many or belongs to an unknown option', async () => {
    const extra = await runCaptured(['versions', 'add', 'db', 'hunter2-hunter2', '-e', 'staging']);
    expect(extra.stderr).toContain('too many arguments');
    const unknown = await runCaptured([
      'versions',
      'add',
      'db',
      '-e',
      'staging',
      '--valu=hunter2-hunter2',
    ]);
    expect(unknown.stderr).toContain('unknown option --valu');
    expect(extra.stderr + unknown.stderr).not.toContain('hunter2');
  });

  it.each([
    ['sk-learn-key', '--environment'],
    ['skip_this_one', '--environment'],
    ['eyJewel', '--environment'],
  ])('leaves ordinary names alone: %s', async (name) => {
    const run = await runCaptured(['secrets', 'show', name]);
    expect(run.stderr).toContain('no admin token');
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StandIn, startStandIn } from './admin-stand-in.js';
import { runCaptured } from './capture.js';

let api: StandIn;
beforeEach(async () => {
  api = await startStandIn(() => ({ status: 204, body: '' }));
});
afterEach(() => api.close());

const words = ['environments', 'delete', 'review'];
const run = (argv: readonly string[], typed?: string) =>
  runCaptured(argv, { environment: api.environment, ...(typed === undefined ? {} : { typed }) });

describe('a destructive command', () => {
  it('asks on a terminal and goes on after "y"', async () => {
    const { exitCode, stdout, stderr } = await run(words, 'y');
    expect(stderr).toContain('Delete the environment review?');
    expect(stdout).toBe('Deleted environment review.\n');
    expect(exitCode).toBe(0);
    expect(api.seen.map(({ method }) => method)).toEqual(['DELETE']);
  });

  it.each(['n', '\r', '\u0003'])('changes nothing after %j', async (typed) => {
    const { exitCode, stderr } = await run(words, typed);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('cancelled: nothing was changed');
    expect(api.seen).toEqual([]);
  });

  it('needs --yes where nobody can be asked', async () => {
    for (const argv of [words, [...words, '--json']]) {
      const { exitCode, stderr } = await run(argv);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('give --yes to go on');
    }
    expect(api.seen).toEqual([]);
    expect((await run([...words, '--yes'])).exitCode).toBe(0);
  });

  it('that is refused while in use can be forced with a reason', async () => {
    await api.close();
    api = await startStandIn(() => ({ status: 409, body: { code: 'in_use', detail: 'In use.' } }));
    const refused = await run(['secrets', 'delete', 'db', '--yes']);
    expect(refused).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'error: In use. (in_use)\nIf it must be, say it again with: --force --reason TEXT\n',
    });
    await run(['secrets', 'delete', 'db', '--yes', '--force', '--reason', 'leaked & gone']);
    expect(api.seen.at(-1)?.url).toBe('/v1/secrets/db?force=true&reason=leaked+%26+gone');
  });

  it.each([
    [['--force'], '--force needs --reason TEXT'],
    [['--force', '--reason', ' '], '--force needs --reason TEXT'],
    [['--reason', 'why'], '--reason needs --force'],
  ])('is not forced by halves: %j', async (argv, message) => {
    const { exitCode, stderr } = await run(['secrets', 'delete', 'db', '--yes', ...argv]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
    expect(api.seen).toEqual([]);
  });
});

import { PassThrough, Readable, Writable } from 'node:stream';
import { type CommandLinePorts, runCommandLine } from '../../src/cli/index.js';

export interface CapturedRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CaptureOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Undefined = a pipe that holds nothing. */
  readonly stdin?: string | Buffer;
  /** Typed at the prompts; standard input, output and error are then a terminal. */
  readonly typed?: string;
  readonly columns?: number;
  readonly ports?: Partial<CommandLinePorts>;
  readonly nowMs?: number;
}

/** Ports that fail where a test did not bring its own. */
export const noPorts: CommandLinePorts = {
  version: '1.2.3',
  unknownVariables: () => Promise.resolve([]),
  serveSettings: () => Promise.resolve([]),
  startServer: () => Promise.reject(new Error('no server in this test')),
  untilStopSignal: () => Promise.resolve('SIGTERM'),
  maintenance: {
    rekey: () => Promise.reject(new Error('no rekey in this test')),
    restore: () => Promise.reject(new Error('no restore in this test')),
    recoverAdmin: () => Promise.reject(new Error('no recovery in this test')),
    acceptRows: () => Promise.reject(new Error('no rows in this test')),
    doctor: () => Promise.reject(new Error('no doctor in this test')),
  },
  verifySignature: () => Promise.reject(new Error('no signatures in this test')),
  import: {
    envFile: () => Promise.reject(new Error('no import in this test')),
    jsonFile: () => Promise.reject(new Error('no import in this test')),
    vault: () => Promise.reject(new Error('no import in this test')),
    awsSecrets: () => Promise.reject(new Error('no import in this test')),
  },
  readRoutes: () => Promise.reject(new Error('no routes in this test')),
  replaceSecrets: () => Promise.reject(new Error('no routes in this test')),
};

/** Runs a command line in this process and gives what it wrote. */
export async function runCaptured(
  argv: readonly string[],
  options: CaptureOptions = {},
): Promise<CapturedRun> {
  const tty = options.typed !== undefined;
  const stdout = sink(tty, options.columns);
  const stderr = sink(tty, options.columns);
  const exitCode = await runCommandLine(
    {
      argv,
      environment: options.environment ?? {},
      stdin: tty
        ? keyboard(options.typed ?? '')
        : Readable.from([Buffer.from(options.stdin ?? '')]),
      stdout: stdout.stream,
      stderr: stderr.stream,
      nowMs: options.nowMs ?? Date.now(),
    },
    { ...noPorts, ...options.ports },
  );
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function sink(isTTY: boolean, columns = 80) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return {
    stream: Object.assign(stream, { isTTY, columns, rows: 24 }),
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

/** A terminal's input on which a person types, one key after the other. */
function keyboard(typed: string) {
  const stream = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode() {
      // A prompt asks for raw mode when it is ready to read.
      if (typed !== '') setImmediate(() => stream.write(typed));
      return stream;
    },
  });
  return stream;
}

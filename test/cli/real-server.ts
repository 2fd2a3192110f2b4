import { join } from 'node:path';
import { type Finished, finish, startKeyferry } from './run-script.js';

export interface RealServer {
  /** Variables that lead a command to the server. */
  readonly environment: Readonly<Record<string, string>>;
  readonly proxyUrl: string;
  /** Ends it with SIGTERM and gives what it wrote. */
  stop(): Promise<Finished>;
}

/** Starts `keyferry serve` with the folder's `data` on free ports and waits until it says where it listens. */
export async function startRealServer(folder: string): Promise<RealServer> {
  const dataDir = join(folder, 'data');
  const argv = ['serve', '--data-dir', dataDir];
  argv.push('--proxy-listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0');
  const child = startKeyferry(argv, { cwd: folder, environment: {} });
  const finished = finish(child);
  const [proxyUrl, adminUrl] = await new Promise<[string, string]>((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const [proxy, admin] = said.match(/http:\/\/127\.0\.0\.1:[1-9]\d*(?=\s|\/)/g) ?? [];
      if (proxy !== undefined && admin !== undefined) resolve([proxy, admin]);
    });
    finished.then(
      ({ stdout, stderr }) => reject(new Error(`the server did not start:\n${stdout}${stderr}`)),
      reject,
    );
  });
  return {
    environment: { KEYFERRY_ADMIN_URL: adminUrl, KEYFERRY_DATA_DIR: dataDir },
    proxyUrl,
    stop() {
      child.kill('SIGTERM');
      return finished;
    },
  };
}

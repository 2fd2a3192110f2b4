import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchProcess, startProcess } from './start-process.js';

/** Whether a program is on the path. */
export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

/** nginx with one worker, keep-alive to the upstream, and the credential added. */
export async function startNginx(
  folder: string,
  upstream: string,
  cpu: number,
): Promise<BenchProcess> {
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log warn;
events { worker_connections 1024; }
http {
  access_log ${folder}/nginx-access.log combined buffer=64k flush=250ms;
  client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-f; uwsgi_temp_path ${folder}/nginx-u; scgi_temp_path ${folder}/nginx-s;
  keepalive_requests 100000000;
  upstream api { server ${new URL(upstream).host}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location /r0/ {
      proxy_pass http://api/; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Authorization "Bearer sk_bench_0123456789abcdef";
    }
  }
}
`,
  );
  return startQuiet('nginx', ['-c', config, '-p', folder], port, folder, cpu);
}

/** Caddy's reverse proxy on one processor, with an access log and the credential added. */
export async function startCaddy(
  folder: string,
  upstream: string,
  cpu: number,
): Promise<BenchProcess> {
  const port = await freePort();
  const config = join(folder, 'Caddyfile');
  writeFileSync(
    config,
    `{
  admin off
  auto_https off
  storage file_system ${folder}/caddy
}
http://127.0.0.1:${port} {
  log {
    output file ${folder}/caddy-access.log
  }
  handle_path /r0/* {
    reverse_proxy ${new URL(upstream).host} {
      header_up Authorization "Bearer sk_bench_0123456789abcdef"
    }
  }
}
`,
  );
  const args = ['run', '--config', config, '--adapter', 'caddyfile'];
  return startQuiet('caddy', args, port, folder, cpu, { GOMAXPROCS: '1', HOME: folder });
}

/** Starts a program that does not say when it listens: it is asked until it answers. */
async function startQuiet(
  program: string,
  args: readonly string[],
  port: number,
  folder: string,
  cpu: number,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchProcess> {
  const output = join(folder, `${program}.out`);
  const started = await startProcess({ command: program, args, env, cpu, output, ready: /()/ });
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`${origin}/r0/x`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return { ...started, origin };
    await sleep(50);
  }
  await started.stop();
  throw new Error(`${program} did not start: see ${output}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

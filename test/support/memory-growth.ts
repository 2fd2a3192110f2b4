import { readFileSync } from 'node:fs';

/** By how many bytes a process grew at its largest while something ran, as the operating system counts. Linux. */
export async function memoryGrowth(pid: number, run: () => Promise<void>): Promise<number> {
  const before = residentBytes(pid);
  let largest = before;
  const timer = setInterval(() => {
    largest = Math.max(largest, residentBytes(pid));
  }, 10);
  await run();
  clearInterval(timer);
  return largest - before;
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

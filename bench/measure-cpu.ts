import { readdirSync, readFileSync } from 'node:fs';

/**
 * Processor time that a process and its children have used, in microseconds: all threads, user and system, as the
 * kernel's scheduler counts it (`/proc/PID/task/TID/schedstat`, in nanoseconds). Linux only.
 */
export function cpuMicros(pid: number): number {
  let nanos = 0;
  for (const process of [pid, ...childrenOf(pid)]) {
    for (const task of readdirSync(`/proc/${process}/task`)) {
      nanos += Number(
        readFileSync(`/proc/${process}/task/${task}/schedstat`, 'utf8').split(' ')[0],
      );
    }
  }
  return nanos / 1000;
}

function childrenOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter((text) => text !== '')
    .map(Number);
  return [...children, ...children.flatMap(childrenOf)];
}

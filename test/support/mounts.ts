import { spawnSync } from 'node:child_process';

/** Runs a script as root of a namespace of its own, where it may mount; then the command of its arguments. */
const inNamespace = (script: string): string[] => [
  'unshare',
  '--user',
  '--map-root-user',
  '--mount',
  'sh',
  '-ec',
  `${script}; exec "$@"`,
  'sh',
];

/** Whether this machine lets a process have mounts of its own. */
export const canMount =
  spawnSync('unshare', [
    '--user',
    '--map-root-user',
    '--mount',
    'mount',
    '-t',
    'tmpfs',
    'x',
    '/mnt',
  ]).status === 0;

/**
 * What to put before a command so that a folder is a disk of that size to it, with the files that the folder
 * has; `full`: without any room. From outside it is seen as `/proc/PID/root/FOLDER`.
 */
export function onSmallDisk(
  folder: string,
  size: string,
  room: 'empty' | 'full' = 'empty',
): string[] {
  const quoted = `'${folder}'`;
  const fill = `dd if=/dev/zero of=${quoted}/fill bs=4k 2>/dev/null || true`;
  return inNamespace(
    [
      `cp -rp ${quoted} ${quoted}.copy`,
      `mount -t tmpfs -o size=${size},mode=0700 keyferry ${quoted}`,
      `cp -rp ${quoted}.copy/. ${quoted}`,
      `rm -r ${quoted}.copy`,
      room === 'full' ? fill : 'true',
    ].join('; '),
  );
}

/** What to put before a command so that it can only read a folder. */
export function readOnly(folder: string): string[] {
  const quoted = `'${folder}'`;
  return inNamespace(`mount --bind ${quoted} ${quoted}; mount -o remount,ro,bind ${quoted}`);
}

/**
 * cli: the command line. One file per noun; `terminal.ts` is the only writer to standard output and
 * standard error. Talks to the admin API over HTTP; what it needs of the other rooms (settings of the
 * server, starting it, work on the data folder, checking a routes file) comes in as ports. Imports core,
 * commander, @clack/prompts, picocolors and Node's own modules.
 */
export type {
  CommandLinePorts,
  DataFolder,
  DoctorCheck,
  MaintenancePort,
  NewRootKey,
  ReadRoutesFile,
  RunningServerPort,
  ServeFlags,
  ServeSetting,
} from './ports.js';
export { type CommandLineInput, runCommandLine } from './run-command-line.js';

import { Option } from 'commander';
import { repeated } from './command.js';

/** The ways to give a value; none of them is an argument. */
export function valueOptions(): Option[] {
  return [
    new Option('--value-file <file>', 'read the value from a file (- is standard input)'),
    new Option('--fields <file>', 'read a value of several fields: a JSON object of strings'),
    repeated('--field <name>', 'ask for a field at the hidden prompt (repeatable)'),
    new Option('--keep-newline', 'keep a newline at the end of a file or standard input'),
  ];
}

export const VALUE_NOTES = [
  'The value comes from standard input, a file, or a hidden prompt for one line, never from an argument.',
  'Exactly one newline at the end of a file or of standard input is dropped; --keep-newline keeps it.',
] as const;

import { CommandFailure } from './command-failure.js';

// The published forms of well-known credentials, and our own tokens.
const KNOWN_CREDENTIALS = [
  /\b(?:sk|pk|rk|whsec)[-_](?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{12,}/,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/,
  /\bglpat-[A-Za-z0-9_-]{16,}/,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
  /\bAIza[A-Za-z0-9_-]{30,}/,
  /\bnpm_[A-Za-z0-9]{30,}/,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/,
  /-----BEGIN [A-Z ]*PRIVATE KEY/,
  /\bkf[caf]_[A-Za-z0-9_-]{12,}/,
] as const;

const VALUE_OPTION = /^--?(?:value|password|token|api-?key|key|admin-token)(?:=|$)/i;

/** How a value is given; told wherever one came by argument. */
export const HOW_TO_GIVE_A_VALUE = [
  'An argument can be read by every user of the machine and stays in the shell history.',
  'Give the value on standard input, with --value-file FILE, or at the hidden prompt.',
] as const;

/** A text that has the form of a known kind of credential. */
export function looksLikeValue(text: string): boolean {
  return KNOWN_CREDENTIALS.some((form) => form.test(text));
}

/** Throws when an argument is, or announces, a secret value. The argument is never repeated. */
export function refuseValuesInArguments(argv: readonly string[]): void {
  for (const [index, argument] of argv.entries()) {
    const option = VALUE_OPTION.exec(argument)?.[0].replace(/=$/, '');
    if (option !== undefined) {
      throw new CommandFailure(`${option} does not exist: a value is never given as an argument`, {
        hints: HOW_TO_GIVE_A_VALUE,
      });
    }
    if (looksLikeValue(argument)) {
      throw new CommandFailure(
        `argument ${index + 1} looks like a secret value: a value is never given as an argument`,
        { hints: [...HOW_TO_GIVE_A_VALUE, 'If it was a real one, treat it as known to others.'] },
      );
    }
  }
}

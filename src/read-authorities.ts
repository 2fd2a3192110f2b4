import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { AppError } from './core/index.js';

/** PEM text of the authorities that `flag` names. Throws `config_invalid` where they cannot be read or used. */
export async function readAuthorities(flag: string, file: string): Promise<string> {
  try {
    const ca = await readFile(file, 'utf8');
    createSecureContext({ ca });
    // Text without a certificate in it is taken without a word, and then nothing is trusted.
    if (ca.includes('-----BEGIN ')) return ca;
  } catch (cause) {
    const detail = `${flag}: the file ${file} cannot be read or used.`;
    throw new AppError('config_invalid', detail, { cause });
  }
  throw new AppError(
    'config_invalid',
    `${flag}: the file ${file} holds no certificate in PEM form.`,
  );
}

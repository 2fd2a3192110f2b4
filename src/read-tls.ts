import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { ListenerTls } from './config/index.js';
import { AppError } from './core/index.js';

/** What a listener needs for TLS: PEM texts. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Set = a client certificate signed by one of these is required. */
  readonly clientCa: string | undefined;
}

/** Throws `config_invalid`, naming the flag whose file cannot be read or used. */
export async function readTls(
  flag: string,
  files: ListenerTls | undefined,
): Promise<TlsFiles | undefined> {
  if (files === undefined) return undefined;
  const read = async (suffix: string, file: string): Promise<string> => {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      const detail = `${flag}-${suffix}: the file ${file} cannot be read.`;
      throw new AppError('config_invalid', detail, { cause });
    }
  };
  const cert = await read('cert', files.certFile);
  const key = await read('key', files.keyFile);
  const clientCa =
    files.clientCaFile === undefined ? undefined : await read('client-ca', files.clientCaFile);
  try {
    createSecureContext({ cert, key, ca: clientCa });
  } catch (cause) {
    throw new AppError(
      'config_invalid',
      `${flag}-cert and ${flag}-key: ${files.certFile} and ${files.keyFile} are no certificate and its private key in PEM form${clientCa === undefined ? '' : ', or the authorities are not'}.`,
      { cause },
    );
  }
  return { cert, key, clientCa };
}

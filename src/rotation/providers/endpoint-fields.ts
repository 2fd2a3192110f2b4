import { z } from 'zod';

const LOOPBACK_HOST = /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Fields of the config of a provider that is asked over HTTP. */
export const endpointFields = {
  timeoutSeconds: z.int().min(1).max(60).default(20).meta({
    description:
      'How long a request may take, in seconds, from connecting to the end of the answer.',
  }),
  allowPrivateNetwork: z.boolean().default(false).meta({
    description:
      'Allow a private, loopback, link-local or metadata address; otherwise refused when connecting.',
  }),
  ca: z.string().startsWith('-----BEGIN CERTIFICATE-----').optional().meta({
    description: "PEM certificates whose authority is taken, beside the system's own.",
    'x-keyferry': 'pem',
  }),
};

/** `https:`, or `http:` on loopback. */
export function endpointUrl(description: string) {
  return z
    .string()
    .max(2000)
    .refine((text) => problemOf(text) === undefined, {
      error: ({ input }) => problemOf(String(input)) ?? 'a URL is expected',
    })
    .meta({ description, format: 'uri' });
}

/** Of URLs that may be left out. */
export function hostsOf(urls: readonly (string | undefined)[]): readonly string[] {
  return urls.flatMap((url) => (url === undefined ? [] : [new URL(url).hostname]));
}

function problemOf(text: string): string | undefined {
  if (!/^https?:\/\/\S+$/.test(text) || !URL.canParse(text)) {
    return 'a URL that begins with https:// is expected';
  }
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'a user name or password does not belong in it';
  if (hash !== '') return 'leave out the part from "#" on';
  if (protocol === 'http:' && !LOOPBACK_HOST.test(hostname)) {
    return 'http: is sent to loopback alone: write https:';
  }
  return undefined;
}

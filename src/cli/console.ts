import { addCommand, type Registry } from './command.js';

/** `keyferry console`: a link that signs in at the web pages. */
export function addConsole(registry: Registry): void {
  addCommand(registry, {
    usage: 'console',
    summary: 'print a link that signs you in at the web console, once',
    example: 'console',
    notes: ['The link works for two minutes. Whoever opens it first is signed in as you.'],
    async act({ api, json, terminal }) {
      const client = api();
      const link = await client.post<{ readonly token: string; readonly expiresAt: string }>(
        '/v1/sign-in-links',
      );
      const url = new URL('/sign-in', client.origin);
      url.searchParams.set('link', link.token);
      if (json) return terminal.json({ url: url.href, expiresAt: link.expiresAt });
      terminal.print(url.href);
      terminal.hint('It signs you in once, within two minutes.');
    },
  });
}

import { Option } from 'commander';
import { addCommand, type Registry, repeated } from './command.js';
import { CommandFailure } from './command-failure.js';

interface CalendarOptions {
  readonly for?: string;
  readonly environment?: readonly string[];
  readonly secretPrefix?: string;
}

/** `keyferry rotation calendar`: the address that a calendar program subscribes to. */
export function addRotationCalendar(noun: Registry): void {
  addCommand<CalendarOptions>(noun, {
    usage: 'calendar',
    summary: 'print the address of the calendar of due rotations, for calendar programs',
    example: 'rotation calendar --for team-calendar --environment production',
    notes: [
      'Whoever has the address can read names and times of due rotations, and nothing else.',
      'With --for it ends when that admin is revoked; without, it shows what you see as long as your token counts.',
    ],
    options: [
      new Option('--for <name>', 'make an admin (viewer) of this name, whose feed it is'),
      repeated('-e, --environment <name>', 'only this environment (repeatable; with --for)'),
      new Option('--secret-prefix <prefix>', 'only secrets that begin so (with --for)'),
    ],
    async act({ api, json, terminal }, { for: name, environment, secretPrefix }) {
      if (name === undefined && (environment !== undefined || secretPrefix !== undefined)) {
        throw new CommandFailure('--environment and --secret-prefix need --for NAME');
      }
      let reader = api();
      if (name !== undefined) {
        const about = { name, role: 'viewer', environments: environment, secretPrefix };
        // Nobody needs this token but to ask for the address.
        const { token } = await reader.post<{ readonly token: string }>('/v1/admins', about);
        reader = reader.withToken(token);
      }
      const { path } = await reader.get<{ readonly path: string }>('/v1/rotations/calendar');
      const url = reader.addressOf(path);
      if (json) return terminal.json({ url });
      terminal.print(url);
      if (name !== undefined) terminal.hint(`End it: keyferry admins revoke ${name}`);
    },
  });
}

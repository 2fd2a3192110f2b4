import { Option } from 'commander';
import { CRITICALITIES, type Criticality, SECRET_KINDS, type SecretKind } from '../core/index.js';
import { parseWholeNumber, repeated } from './command.js';
import { CommandFailure } from './command-failure.js';

export interface AttributeOptions {
  readonly description?: string;
  readonly owner?: string;
  readonly label?: readonly string[];
  readonly allowedHost?: readonly string[];
  readonly kind?: SecretKind;
  readonly criticality?: Criticality;
  readonly rotateEveryDays?: number | null;
  readonly maximumAgeDays?: number | null;
}

/** What may be said about a secret, at its creation and later. */
export function attributeOptions(): Option[] {
  return [
    new Option('--description <text>', 'what it is for (empty: none)'),
    new Option('--owner <name>', 'who answers for it (empty: none)'),
    repeated('--label <name=value>', 'a label; name= takes it away (repeatable)'),
    repeated('--allowed-host <host>', 'a host that it may be sent to; any: every (repeatable)'),
    new Option('--kind <kind>', 'what kind of credential').choices(SECRET_KINDS),
    new Option('--criticality <level>', 'how much depends on it').choices(CRITICALITIES),
    days('--rotate-every-days <days>', 'rotation interval (default: by kind and criticality)'),
    days('--maximum-age-days <days>', 'age at which it is overdue (default: the interval)'),
  ];
}

/** The attributes that were given, as the API takes them. A label to take away is null. */
export function attributesOf(options: AttributeOptions): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  const { description, owner, label, allowedHost } = options;
  if (description !== undefined) attributes.description = description === '' ? null : description;
  if (owner !== undefined) attributes.owner = owner === '' ? null : owner;
  if (label !== undefined) attributes.labels = Object.fromEntries(label.map(parseLabel));
  if (allowedHost !== undefined) {
    attributes.allowedHosts = allowedHost.includes('any') ? [] : allowedHost;
  }
  for (const name of ['kind', 'criticality', 'rotateEveryDays', 'maximumAgeDays'] as const) {
    if (options[name] !== undefined) attributes[name] = options[name];
  }
  return attributes;
}

function parseLabel(text: string): [name: string, value: string | null] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new CommandFailure('--label takes name=value');
  return [text.slice(0, equals), text.slice(equals + 1) || null];
}

function days(flags: string, description: string): Option {
  const place = flags.split(' ')[0] ?? flags;
  return new Option(flags, `${description}; "default" goes back to it`).argParser(
    (text: string): number | null => (text === 'default' ? null : parseWholeNumber(text, place)),
  );
}

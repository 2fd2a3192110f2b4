import { Option } from 'commander';
import { CRITICALITIES, type Criticality, SECRET_KINDS, type SecretKind } from '../core/index.js';
import { parseWholeNumber, repeated } from './command.js';
import { CommandFailure } from './command-failure.js';

/** Goes back to the recommendation; commander would drop a null. */
const BY_DEFAULT = 'default';

export interface AttributeOptions {
  readonly description?: string;
  readonly owner?: string;
  readonly label?: readonly string[];
  readonly allowedHost?: readonly string[];
  readonly kind?: SecretKind;
  readonly criticality?: Criticality;
  readonly rotateEveryDays?: number | typeof BY_DEFAULT;
  readonly maximumAgeDays?: number | typeof BY_DEFAULT;
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

export type GivenAttributes = Record<string, unknown> & {
  labels?: Record<string, string | null>;
};

/** The attributes that were given, as the API takes them. A label to take away is null. */
export function attributesOf(options: AttributeOptions): GivenAttributes {
  const attributes: GivenAttributes = {};
  const { description, owner, label, allowedHost } = options;
  if (description !== undefined) attributes.description = description === '' ? null : description;
  if (owner !== undefined) attributes.owner = owner === '' ? null : owner;
  if (label !== undefined) attributes.labels = Object.fromEntries(label.map(parseLabel));
  if (allowedHost !== undefined) {
    attributes.allowedHosts = allowedHost.includes('any') ? [] : allowedHost;
  }
  for (const name of ['kind', 'criticality', 'rotateEveryDays', 'maximumAgeDays'] as const) {
    const value = options[name];
    if (value !== undefined) attributes[name] = value === BY_DEFAULT ? null : value;
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
  return new Option(flags, `${description}; "${BY_DEFAULT}" goes back to it`).argParser(
    (text: string): number | typeof BY_DEFAULT =>
      text === BY_DEFAULT ? BY_DEFAULT : parseWholeNumber(text, place),
  );
}

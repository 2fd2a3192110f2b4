import { isAbsolute, normalize, resolve } from 'node:path';
import { z } from 'zod';
import { SecretValue } from '../../core/index.js';
import {
  type KeyCall,
  type Minted,
  type MintingPlan,
  type Provider,
  type ProviderCall,
  ProviderError,
} from '../provider.js';
import { providerSecret } from '../provider-secret.js';
import { textOf } from '../secret-text.js';
import { askCommand } from './ask-command.js';
import { isBelow } from './guard-command.js';
import { proposalFields, proposeValue } from './propose-value.js';
import {
  BadAnswer,
  isObject,
  isText,
  readExpiry,
  readKeyId,
  readKeyIds,
  readValue,
} from './read-answer.js';
import { valueFields } from './value-fields.js';

const NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/;
const noNul = (text: string): boolean => !text.includes('\0');

function fieldsOf(folder: string | undefined) {
  return z.strictObject({
    executable: z
      .string()
      .max(1000)
      .refine((path) => placeProblem(folder, path) === undefined, {
        error: ({ input }) => placeProblem(folder, String(input)) ?? 'a path is expected',
      })
      .meta({ description: 'The program, by its absolute path in the command folder.' }),
    args: z.array(z.string().max(1000).refine(noNul)).max(50).default([]).meta({
      description:
        'Its arguments, always the same. No secrets: others on the machine can read them.',
    }),
    timeoutSeconds: z.int().min(1).max(60).default(30).meta({
      description:
        'How long it may take, in seconds, before it and all that it started are killed.',
    }),
    actions: z
      .array(z.enum(['check', 'plan', 'verify', 'disable', 'revoke']))
      .default(['check', 'verify', 'revoke'])
      .meta({ description: 'What it can do beside "mint"; "disable" means "enable", too.' }),
    recovery: z.enum(['apply', 'replay', 'list', 'consume']).default('consume').meta({
      description:
        'When it is not known whether it has minted: apply = it takes the proposed value, also twice; replay = the same stepId gives the same key; list = it lists keys, and new ones are revoked; consume = a person is asked.',
    }),
    account: z.string().min(1).max(200).optional().meta({
      description: 'Rotations that must not run at once have the same; by default each its own.',
    }),
    settings: z.record(z.string().regex(NAME), z.json()).default({}).meta({
      description: 'What it needs to know, handed over as it is. No secrets.',
    }),
    credentials: z
      .record(z.string().regex(NAME), providerSecret('The secret whose value is handed over.'))
      .default({})
      .meta({ description: 'Credentials that it needs, by the name that it knows them by.' }),
    sendValues: z.boolean().default(false).meta({
      description: 'Hand over the value in use, and that of a key to be disabled or revoked.',
    }),
    ...proposalFields,
    ...valueFields,
  });
}

/** A key that was made and lost is found by a list, and must go. */
const revokesOrphans = ({ recovery, actions }: z.infer<ReturnType<typeof fieldsOf>>): boolean =>
  recovery !== 'list' || actions.includes('revoke');

function configOf(folder: string | undefined) {
  const error = 'recovery "list" needs "revoke": what was made and lost must be revoked';
  return fieldsOf(folder).refine(revokesOrphans, { path: ['actions'], error });
}

function placeProblem(folder: string | undefined, path: string): string | undefined {
  if (folder === undefined) return 'commands are off: start Keyferry with --command-folder';
  if (!isAbsolute(path) || normalize(path) !== path || !noNul(path)) {
    return 'an absolute path is expected, without "." and ".."';
  }
  return isBelow(folder, path) ? undefined : 'it must lie in the command folder';
}

type CommandConfig = z.infer<ReturnType<typeof configOf>>;
type Call = ProviderCall<CommandConfig>;

/**
 * A program of the operator's own, in any language. What it is given and answers: docs/providers/command.md.
 * Without a folder where such programs lie there are none.
 */
export function createCommandProvider(commandFolder: string | undefined): Provider<CommandConfig> {
  const folder = commandFolder === undefined ? undefined : resolve(commandFolder);
  const ask = (call: Call, action: string, members?: Readonly<Record<string, unknown>>) =>
    askCommand(call, folder, action, members);
  const can = ({ config }: Call, action: CommandConfig['actions'][number]): boolean =>
    config.actions.includes(action);
  const askOfKey = async (call: KeyCall<CommandConfig>, action: string): Promise<void> => {
    const { stepId, because, keyId, version, cutOff, value, config } = call;
    const sent = config.sendValues && value !== undefined ? textOf(value) : undefined;
    await ask(call, action, { stepId, because, keyId, keyVersion: version, cutOff, value: sent });
  };
  const provider: Provider<CommandConfig> = {
    id: 'command',
    title: 'Command',
    summary: 'A program on the machine of Keyferry makes and revokes the keys.',
    config: configOf(folder),
    fields: ({ fields }) => fields,
    recovery: ({ recovery }) => recovery,
    keyActions: ({ actions }) => {
      return { disable: actions.includes('disable'), revoke: actions.includes('revoke') };
    },

    credentialsOf({ credentials }) {
      const entries = Object.entries(credentials);
      return Object.fromEntries(entries.map(([name, secret]) => [`credentials.${name}`, secret]));
    },

    async principal({ config, secret, environment }) {
      return config.account ?? `${config.executable} ${environment}/${secret}`;
    },

    async check(call) {
      const what = 'run the command';
      try {
        if (!can(call, 'check')) {
          return [{ ok: true, what, detail: 'It cannot "check": not run.' }];
        }
        await ask(call, 'check');
        return [{ ok: true, what, detail: 'It says that all is well.' }];
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        return [{ ok: false, what, detail: `${error.message} ${error.whatToDo}` }];
      }
    },

    async plan(call) {
      const { recovery } = call.config;
      const material = recovery === 'apply' ? { material: proposeValue(call.config) } : {};
      if (!can(call, 'plan') && recovery !== 'list') return material;
      const answer = await ask(call, 'plan');
      return reading(() => ({ ...material, ...readPlan(answer, recovery === 'list') }), 'refused');
    },

    async mint(call) {
      const { stepId, material, keyIds, oldKeyId, current, config } = call;
      const answer = await ask(call, 'mint', {
        stepId,
        keyIds,
        oldKeyId,
        proposedValue: material === undefined ? undefined : textOf(material),
        currentValue: config.sendValues && current !== undefined ? textOf(current) : undefined,
      });
      return reading(() => readMinted(answer, call, material), 'unknown');
    },

    async listKeyIds(call) {
      const answer = await ask(call, 'list');
      return reading(() => readKeyIds(answer.keyIds, 'keyIds'), 'refused');
    },

    async verify(call, { value, keyId }) {
      if (can(call, 'verify')) await ask(call, 'verify', { value: textOf(value), keyId });
    },

    disable: (call) => askOfKey(call, 'disable'),
    enable: (call) => askOfKey(call, 'enable'),
    revoke: (call) => askOfKey(call, 'revoke'),
  };
  return provider;
}

function readPlan(answer: Readonly<Record<string, unknown>>, lists: boolean): MintingPlan {
  const oldKeyId = readKeyId(answer.oldKeyId, 'oldKeyId');
  return {
    ...(lists ? { keyIds: readKeyIds(answer.keyIds, 'keyIds') } : {}),
    ...(oldKeyId === undefined ? {} : { oldKeyId }),
  };
}

function readMinted(
  answer: Readonly<Record<string, unknown>>,
  { config, clock, current }: Call,
  proposed: SecretValue | undefined,
): Minted {
  const takesProposed = proposed !== undefined && answer.value === undefined;
  const minted = takesProposed
    ? { value: proposed }
    : readValue(answer.value, config.fields, 'value');
  if (current?.equals(minted.value) === true) {
    throw new BadAnswer('"value" must be another one than the value in use');
  }
  const keyId = readKeyId(answer.keyId, 'keyId');
  const expiresAtMs = readExpiry(answer.expiresAt, 'expiresAt', clock.now());
  const credentials = readCredentials(answer.credentials, Object.keys(config.credentials));
  return {
    ...minted,
    ...(keyId === undefined ? {} : { keyId }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(credentials.size === 0 ? {} : { credentials }),
  };
}

/** What takes the place of credentials that the minting has used up. */
function readCredentials(found: unknown, names: readonly string[]): Map<string, SecretValue> {
  if (found === undefined || found === null) return new Map();
  if (!isObject(found) || !Object.entries(found).every(([, value]) => isText(value))) {
    throw new BadAnswer('"credentials" must be an object of texts');
  }
  if (!Object.keys(found).every((name) => names.includes(name))) {
    throw new BadAnswer('"credentials" must have names that the config has');
  }
  return new Map(
    Object.entries(found).map(([name, value]) => {
      return [`credentials.${name}`, SecretValue.fromText(String(value))];
    }),
  );
}

function reading<T>(read: () => T, failure: 'refused' | 'unknown'): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadAnswer)) throw error;
    throw new ProviderError(failure, `The command answered, but ${error.message}.`, {
      whatToDo: 'Correct what the command answers, and remove the key that it may have made.',
    });
  }
}

import { SecretValue } from '../../core/index.js';
import {
  type KeyCall,
  type Minted,
  type MintingPlan,
  type ProviderCall,
  ProviderError,
} from '../provider.js';
import { fieldsOf, valueOfFields } from '../secret-text.js';
import { keyIdOf, type LoginKey, NO_KEY, parseKeyId } from './login-key.js';

/** One of two logins that take turns, as the server has it. */
export interface PairedLogin extends LoginKey {
  readonly canLogin: boolean;
  /** Open now. */
  readonly sessionCount: number;
  /** Applications or hosts of the sessions, as far as they can be shown. */
  readonly seenAs: readonly string[];
}

interface PairConfig {
  readonly logins: readonly [string, string];
}

/** Whether its password is one that somebody may have. */
export function hasKey({ canLogin, mark }: PairedLogin): boolean {
  return canLogin || (mark !== undefined && mark !== NO_KEY);
}

/** Both logins, or `refused` that names the missing one. */
export function requireBoth<Login extends PairedLogin>(
  { logins }: PairConfig,
  found: readonly Login[],
): readonly [Login, Login] {
  const [first, second] = logins.map((name) => {
    const login = found.find((one) => one.login === name);
    if (login !== undefined) return login;
    throw new ProviderError('refused', `There is no login "${name}".`, {
      whatToDo: 'Create it as the documentation of the provider says.',
    });
  });
  if (first === undefined || second === undefined) throw new Error('there are two names');
  return [first, second];
}

/** The login of the value in use (undefined where there is none yet), and the other one. */
export function takeTurns<Login extends PairedLogin>(
  { config: { logins }, current, secret }: ProviderCall<PairConfig>,
  [first, second]: readonly [Login, Login],
): { readonly inUse: Login | undefined; readonly idle: Login } {
  if (current === undefined) return { inUse: undefined, idle: first };
  const username = fieldsOf(current)?.username;
  if (username === first.login) return { inUse: first, idle: second };
  if (username === second.login) return { inUse: second, idle: first };
  throw new ProviderError(
    'refused',
    `The value in use of "${secret}" names neither "${logins[0]}" nor "${logins[1]}" as its username.`,
    {
      whatToDo:
        'Give it a version with the fields username and password of the login that is in use now, and make it current.',
    },
  );
}

/** Throws `refused` where somebody may be using the login that would get a new password. */
export function requireIdle({ login, canLogin }: PairedLogin, lockStatement: string): void {
  if (!canLogin) return;
  throw new ProviderError(
    'refused',
    `"${login}", which would get a new password, may log in: someone may be using it.`,
    {
      whatToDo: `If nobody does: ${lockStatement}; then rotate again. If it is the one in use, give its username and password as the current version.`,
    },
  );
}

/** How the idle one gets the password that `material` says. */
export function planPassword(
  found: readonly PairedLogin[],
  inUse: PairedLogin | undefined,
  material: object,
): MintingPlan {
  return {
    keyIds: found.filter(hasKey).map(keyIdOf),
    ...(inUse !== undefined && { oldKeyId: keyIdOf(inUse) }),
    material: SecretValue.fromText(JSON.stringify(material)),
  };
}

/** A login with its new password. */
export function mintedLogin(key: LoginKey, password: string): Minted {
  return {
    value: valueOfFields({ username: key.login, password }),
    fields: ['password', 'username'],
    keyId: keyIdOf(key),
  };
}

/**
 * The login of a key, while its password is still that key. A minting of which nothing was heard has no id: it goes by
 * the mark that it was to leave.
 */
export function findByMark<Login extends PairedLogin>(
  {
    keyId,
    stepId,
    because,
    value,
  }: Pick<KeyCall<unknown>, 'keyId' | 'stepId' | 'because' | 'value'>,
  found: readonly Login[],
): Login | undefined {
  if (keyId === null && because === 'taken_back') return found.find(({ mark }) => mark === stepId);
  const key = parseKeyId(keyId ?? (value && fieldsOf(value)?.username) ?? '');
  return found.find(
    ({ login, mark }) => login === key.login && (keyId === null || mark === key.mark),
  );
}

/** User and password of a value. Throws `refused` where it is of neither login. */
export function loginOf(
  { logins }: PairConfig,
  value: SecretValue,
): { readonly user: string; readonly password: string } {
  const { username = '', password = '' } = fieldsOf(value) ?? {};
  if (logins.includes(username) && password !== '') return { user: username, password };
  throw new ProviderError('refused', 'The value has no username of the two and its password.', {
    whatToDo: 'Give it the fields username and password.',
  });
}

/** Throws `in_use` with who is connected, unless they are to be cut off or never should have been. */
export function requireUnused(
  { cutOff, because }: Pick<KeyCall<unknown>, 'cutOff' | 'because'>,
  { login, sessionCount, seenAs }: PairedLogin,
): void {
  if (sessionCount === 0 || cutOff || because === 'taken_back') return;
  const sessions = sessionCount === 1 ? '1 session' : `${sessionCount} sessions`;
  const who = seenAs.length === 0 ? '' : ` (${seenAs.slice(0, 5).join(', ')})`;
  throw new ProviderError('in_use', `"${login}" still has ${sessions} open${who}.`, {
    whatToDo:
      'Have those applications connect anew, by the new value. A pool that never closes a connection has to be restarted.',
  });
}

/** For `enable` of a key whose password was taken away. */
export function keyIsGone(): ProviderError {
  return new ProviderError('refused', 'The old key is gone: its password was taken away.', {
    whatToDo: 'Go on with the new version, or rotate again.',
  });
}

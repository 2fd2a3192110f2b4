import type { Child, FC } from 'hono/jsx';
import type { AgeMark, CutoverState, VersionState } from '../core/index.js';

export type Tone = 'good' | 'warn' | 'bad' | 'quiet';

/** A word that stands out by colour; the word alone says it too. */
export const Mark: FC<{ readonly tone: Tone; readonly children?: Child }> = ({
  tone,
  children,
}) => <span class={`mark ${tone}`}>{children}</span>;

/** `rolled back` for `ROLLED_BACK`. */
export function wordsOf(state: string): string {
  return state.toLowerCase().replaceAll('_', ' ');
}

/** `Allow private network` for `allowPrivateNetwork`. */
export function wordsOfName(name: string): string {
  const words = name
    .replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replaceAll(/\b(?:url|ca|id|arn|tls|api|sql|iam|sts)\b/g, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const AGE_TONES: Readonly<Record<AgeMark, Tone>> = {
  fresh: 'good',
  ageing: 'warn',
  overdue: 'bad',
};

/** Beside the word: what stands out without colour. */
export const AGE_SIGNS: Readonly<Record<AgeMark, string>> = {
  fresh: '✓',
  ageing: '⚠',
  overdue: '✗',
};

export const VERSION_TONES: Readonly<Record<VersionState, Tone>> = {
  staged: 'warn',
  current: 'good',
  previous: 'quiet',
  revoked: 'bad',
  destroyed: 'quiet',
};

export const CUTOVER_TONES: Readonly<Record<CutoverState, Tone>> = {
  PENDING: 'quiet',
  CANARY: 'warn',
  CURRENT: 'good',
  COMPLETED: 'good',
  ROLLED_BACK: 'bad',
};

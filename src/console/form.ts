import type { ConsoleContext } from './console-environment.js';

/** The fields of a form that was sent: texts alone, trimmed but for those that carry values. */
export interface SentForm {
  /** Undefined where it is absent or empty. */
  text(name: string): string | undefined;
  /** As it was typed. */
  exact(name: string): string | undefined;
  number(name: string): number | undefined;
  isChecked(name: string): boolean;
  /** One per line or comma; undefined where there is none. */
  list(name: string): readonly string[] | undefined;
}

export async function readForm(context: ConsoleContext): Promise<SentForm> {
  const fields = await context.req.parseBody();
  const exact = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const text = (name: string): string | undefined => exact(name)?.trim() || undefined;
  return {
    exact,
    text,
    number(name) {
      const given = text(name);
      return given === undefined ? undefined : Number(given);
    },
    isChecked: (name) => exact(name) !== undefined,
    list(name) {
      const items = (text(name) ?? '').split(/[\n,]/).map((item) => item.trim());
      const found = items.filter((item) => item !== '');
      return found.length === 0 ? undefined : found;
    },
  };
}

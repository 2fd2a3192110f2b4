import type { ConsoleContext } from './console-environment.js';

/** The fields of a form that was sent: texts alone, trimmed but for those that carry values. */
export interface SentForm {
  /** Undefined where it is absent or empty. */
  text(name: string): string | undefined;
  /** As it was typed. */
  exact(name: string): string | undefined;
  number(name: string): number | undefined;
  /** As the API takes it: what is no number is sent as it is, and the API says so. */
  amount(name: string): number | string | undefined;
  isChecked(name: string): boolean;
  /** One per line or comma; undefined where there is none. */
  list(name: string): readonly string[] | undefined;
}

export async function readForm(context: ConsoleContext): Promise<SentForm> {
  return formOf(await readFields(context));
}

/** What is no form, or was cut off, has no fields. */
export function readFields(context: ConsoleContext): Promise<Readonly<Record<string, unknown>>> {
  return context.req.parseBody().catch(() => ({}));
}

/** A form as it is sent with these fields: what stands in it before somebody has typed. */
export function formOf(fields: Readonly<Record<string, unknown>>): SentForm {
  const exact = (name: string): string | undefined => {
    const value = fields[name];
    // A browser sends each end of a line as two characters.
    return typeof value === 'string' && value !== '' ? value.replaceAll('\r\n', '\n') : undefined;
  };
  const text = (name: string): string | undefined => exact(name)?.trim() || undefined;
  return {
    exact,
    text,
    number(name) {
      const given = text(name);
      return given === undefined ? undefined : Number(given);
    },
    amount(name) {
      const given = text(name);
      return given === undefined || Number.isNaN(Number(given)) ? given : Number(given);
    },
    isChecked: (name) => exact(name) !== undefined,
    list(name) {
      const items = (text(name) ?? '').split(/[\n,]/).map((item) => item.trim());
      const found = items.filter((item) => item !== '');
      return found.length === 0 ? undefined : found;
    },
  };
}

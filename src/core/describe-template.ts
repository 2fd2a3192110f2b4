import type { SecretReference, Template } from './template.js';

/** A template as a person may see it: `Bearer [redacted: stripe_api_key v3]`. `nameOf` gives name and version. */
export function describeTemplate(
  { parts }: Template,
  nameOf: (reference: SecretReference) => string,
): string {
  return parts
    .map((part) => {
      if (part.type === 'text') return part.text;
      if (part.type !== 'basic') return redacted(nameOf(part.reference));
      return `Basic ${redacted(`${nameOf(part.user)}, ${nameOf(part.password)}`)}`;
    })
    .join('');
}

/** What stands where something secret goes. */
export function redacted(names: string): string {
  return `[redacted: ${names}]`;
}

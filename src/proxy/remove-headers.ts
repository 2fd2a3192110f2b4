/** Removes pairs (name, value, …) from a list, in place; `names` in lower case. */
export function removeHeaders(headers: string[], names: ReadonlySet<string>): void {
  let end = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (names.has(name.toLowerCase())) continue;
    headers[end++] = name;
    headers[end++] = headers[i + 1] as string;
  }
  headers.length = end;
}

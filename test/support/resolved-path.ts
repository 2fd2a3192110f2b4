/** What an upstream that decodes again and again, and takes both slashes, makes of a path. */
export function resolvedPath(path: string): string[] {
  let decoded = path;
  for (let round = 0; round < 5; round++) {
    decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_all, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  }
  const stack: string[] = [];
  for (const segment of decoded.split(/[/\\]/)) {
    const [name] = segment.split(';');
    if (name === '..') stack.pop();
    else if (name !== '.' && name !== '') stack.push(segment);
  }
  return stack;
}

import type { FC } from 'hono/jsx';
import { diffLines } from '../core/index.js';

/** What differs between two texts, line by line. */
export const DiffView: FC<{ readonly before: string; readonly after: string }> = ({
  before,
  after,
}) => {
  const lines = diffLines(before, after);
  if (lines.length === 0) return <p class="quiet">Nothing.</p>;
  return (
    <pre class="diff">
      {lines.map((line) => {
        if (line === undefined) return <span class="quiet">{'  …\n'}</span>;
        const text = `${line.kind} ${line.text}\n`;
        if (line.kind === '-') return <del>{text}</del>;
        if (line.kind === '+') return <ins>{text}</ins>;
        return <span>{text}</span>;
      })}
    </pre>
  );
};

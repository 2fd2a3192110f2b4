import type { FC } from 'hono/jsx';
import { diffLines } from '../core/index.js';

/** More make a page that takes seconds, here and in a browser. */
const MOST_LINES = 5000;

/** What differs between two texts, line by line. */
export const DiffView: FC<{ readonly before: string; readonly after: string }> = ({
  before,
  after,
}) => {
  const lines = diffLines(before, after);
  if (lines.length === 0) return <p class="quiet">Nothing.</p>;
  return (
    <pre class="diff">
      {lines.slice(0, MOST_LINES).map((line) => {
        if (line === undefined) return <span class="quiet">{'  …\n'}</span>;
        const text = `${line.kind} ${line.text}\n`;
        if (line.kind === '-') return <del>{text}</del>;
        if (line.kind === '+') return <ins>{text}</ins>;
        return <span>{text}</span>;
      })}
      {lines.length > MOST_LINES && (
        <span class="quiet">{`  … and ${lines.length - MOST_LINES} more lines\n`}</span>
      )}
    </pre>
  );
};

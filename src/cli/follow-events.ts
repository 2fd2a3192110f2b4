import type { Session } from './command.js';
import { watchEvents } from './watch-events.js';

interface Following<T> {
  /** `cutover`: what is kept while the server is away. */
  readonly what: string;
  /** Whether nothing comes after it. */
  readonly isOver: (thing: T) => boolean;
  /** Called for each change; true = seen enough. */
  readonly onNews: (thing: T) => Promise<boolean>;
}

/**
 * Follows the thing at a path until it is over, `onNews` has seen enough, or the person leaves with Ctrl-C. Gives it as
 * it was seen last.
 */
export async function followEvents<T>(
  session: Session,
  path: string,
  { what, isOver, onNews }: Following<T>,
): Promise<T | undefined> {
  const { terminal, json, ports } = session;
  const leaving = new AbortController();
  void ports.untilStopSignal().then(() => leaving.abort());
  let seen: T | undefined;
  const news = watchEvents<T>(session.api(), path, {
    isOver,
    signal: leaving.signal,
    onTrouble(isOverNow) {
      if (json) return;
      if (isOverNow) terminal.hint('The server answers again.');
      else terminal.warn(`the server does not answer; trying again (the ${what} is kept)`);
    },
  });
  for await (const thing of news) {
    seen = thing;
    if (await onNews(thing)) break;
  }
  return seen;
}

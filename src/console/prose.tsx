import type { FC } from 'hono/jsx';
import { Moment } from './moment.js';

const TIMESTAMP = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A sentence of the API; the times in it are as the viewer's own clock shows them. */
export const Prose: FC<{ readonly text: string }> = ({ text }) => (
  <>{text.split(TIMESTAMP).map((part) => (TIMESTAMP.test(part) ? <Moment at={part} /> : part))}</>
);

import { createHash } from 'node:crypto';

/** Something that is due. */
export interface CalendarEvent {
  /** Always the same for the same thing: a calendar moves the event instead of adding another. */
  readonly id: string;
  readonly atMs: number;
  /** At any time of that day (UTC). */
  readonly allDay: boolean;
  readonly summary: string;
  readonly description: string;
}

/** Octets in a line, RFC 5545 section 3.1. */
const LINE_OCTETS = 75;

/** An iCalendar feed, RFC 5545. */
export function renderCalendar(events: readonly CalendarEvent[], nowMs: number): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Keyferry//Rotations//EN',
    'CALSCALE:GREGORIAN',
    'X-WR-CALNAME:Keyferry rotations',
    // RFC 7986 section 5.7, and what programs knew before it.
    'REFRESH-INTERVAL;VALUE=DURATION:PT1H',
    'X-PUBLISHED-TTL:PT1H',
    ...events.flatMap((event) => [
      'BEGIN:VEVENT',
      `UID:${uidOf(event.id)}`,
      `DTSTAMP:${dateTime(nowMs)}`,
      event.allDay
        ? `DTSTART;VALUE=DATE:${dateTime(event.atMs).slice(0, 8)}`
        : `DTSTART:${dateTime(event.atMs)}`,
      `SUMMARY:${escapeText(event.summary)}`,
      `DESCRIPTION:${escapeText(event.description)}`,
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join('');
}

/** `20261121T093000Z`. */
function dateTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** Names alone could be those of another server, whose feed the same person reads. */
function uidOf(id: string): string {
  return `${createHash('sha256').update(id).digest('hex').slice(0, 32)}@keyferry`;
}

/** Section 3.3.11; other control characters have no form and are left out. */
function escapeText(text: string): string {
  return text
    .replaceAll(/[\\;,]/g, '\\$&')
    .replaceAll(/\r\n?|\n/g, '\\n')
    .replaceAll(/\p{Cc}/gu, '');
}

/** Breaks a long line where a character ends. */
function fold(line: string): string {
  if (Buffer.byteLength(line) <= LINE_OCTETS) return line;
  let folded = '';
  let octets = 0;
  for (const character of line) {
    const length = Buffer.byteLength(character);
    if (octets + length > LINE_OCTETS) {
      folded += '\r\n ';
      octets = 1;
    }
    folded += character;
    octets += length;
  }
  return folded;
}

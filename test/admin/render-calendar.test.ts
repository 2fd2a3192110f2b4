import fc from 'fast-check';
import ICAL from 'ical.js';
import { expect, test } from 'vitest';
import { type CalendarEvent, renderCalendar } from '../../src/admin/render-calendar.js';

const NOW_MS = Date.parse('2026-11-21T09:30:00Z');
const due: CalendarEvent = {
  id: 'db rotation 1',
  atMs: Date.parse('2027-01-31T03:00:00Z'),
  allDay: false,
  summary: 'Rotation of aws in production',
  description: 'AWS IAM. By itself.\nkeyferry rotation show aws --environment production',
};

function eventsOf(text: string): ICAL.Event[] {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return calendar.getAllSubcomponents('vevent').map((event) => new ICAL.Event(event));
}

test('is read by another program as it was meant', () => {
  const text = renderCalendar([due, { ...due, id: 'db secret 2', allDay: true }], NOW_MS);
  const [timed, whole] = eventsOf(text);
  expect(timed?.summary).toBe(due.summary);
  expect(timed?.description).toBe(due.description);
  expect(timed?.startDate.toJSDate().getTime()).toBe(due.atMs);
  expect(timed?.startDate.isDate).toBe(false);
  expect(whole?.startDate.isDate).toBe(true);
  expect(whole?.startDate.toString()).toBe('2027-01-31');
  expect(timed?.uid).not.toBe(whole?.uid);
});

test('a thing keeps its id when it moves, and another one has another', () => {
  const uidOf = (event: CalendarEvent) => eventsOf(renderCalendar([event], NOW_MS))[0]?.uid;
  expect(uidOf({ ...due, atMs: NOW_MS })).toBe(uidOf(due));
  expect(uidOf({ ...due, id: 'x' })).not.toBe(uidOf(due));
});

test('an empty one is a calendar too', () => {
  expect(eventsOf(renderCalendar([], NOW_MS))).toEqual([]);
});

test('any text comes through, and no line is longer than 75 octets', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 300 });
  const awkward = fc
    .array(
      fc.oneof(texts, fc.constantFrom('\\', ';', ',', '\r\n', '\nEND:VEVENT\r\nBEGIN:VALARM', '"')),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(awkward, awkward, (summary, description) => {
      const text = renderCalendar([{ ...due, summary, description }], NOW_MS);
      expect(text.endsWith('\r\n')).toBe(true);
      for (const line of text.split('\r\n')) {
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
        expect(line).not.toMatch(/[\r\n]/);
      }
      const events = eventsOf(text);
      expect(events).toHaveLength(1);
      const kept = (given: string): string =>
        given.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\n]/gu, '');
      expect(events[0]?.summary).toBe(kept(summary));
      expect(events[0]?.description).toBe(kept(description));
    }),
    { numRuns: 300 },
  );
});

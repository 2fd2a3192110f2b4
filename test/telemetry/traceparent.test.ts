import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from '../../src/telemetry/traceparent.js';

const hex = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
    .filter((text) => !/^0+$/.test(text));

test('what is written is read again', () => {
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
      const parent = { traceId, spanId, sampled };
      expect(parseTraceparent(formatTraceparent(parent))).toEqual(parent);
    }),
  );
});

test('one changed character gives another valid one, or nothing', () => {
  fc.assert(
    fc.property(
      hex(32),
      hex(16),
      fc.nat({ max: 54 }),
      fc.string({ minLength: 0, maxLength: 2 }),
      (traceId, spanId, at, other) => {
        const text = formatTraceparent({ traceId, spanId, sampled: true });
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        const parsed = parseTraceparent(changed);
        if (parsed === undefined) return;
        expect(changed).toContain(`${parsed.traceId}-${parsed.spanId}-`);
        expect(changed).toMatch(/^(?!ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/);
      },
    ),
  );
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test.each([
  [`00-${TRACE}-${SPAN}-01`, true],
  [`00-${TRACE}-${SPAN}-00`, false],
  [`00-${TRACE}-${SPAN}-03`, true],
  [`01-${TRACE}-${SPAN}-01`, true],
  [`fe-${TRACE}-${SPAN}-00-and-more`, false],
])('%s is taken', (text, sampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
});

test.each([
  '',
  '00',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01-`,
  `01-${TRACE}-${SPAN}-01x`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-zz`,
  `00_${TRACE}_${SPAN}_01`,
  ` 00-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01\n`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  `01-${TRACE}-${SPAN}-01-\n`,
])('%j is not', (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

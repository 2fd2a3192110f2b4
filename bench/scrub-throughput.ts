/**
 * `npm run bench:scrub`: how many megabytes of a large text body are searched in a second of one core, without hits.
 * The text is JSON as APIs answer it: words, numbers, identifiers in hex and base64.
 */
import { parseArgs } from 'node:util';
import { EchoStream } from '../dist/proxy/scrub-stream.js';
import { WuManberMatcher } from '../dist/snapshot/echo-matcher.js';
import { seededRandom } from '../test/support/seeded-random.js';
import { medianInterval } from './median-interval.js';

const { values: options } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '9' },
  },
});
const MEGABYTE = 1_000_000;
/** As sockets deliver it. */
const PIECE_BYTES = 64 * 1024;
const TEXT_BYTES = 16 * MEGABYTE;

const SECRETS: Readonly<Record<string, readonly string[]>> = {
  'one secret of 32 characters': ['sk_bench_0123456789abcdefghijklm'],
  'one secret of 16 characters': ['k3Y9xQ2mZ7pL5vT1'],
  'one secret of 8 characters': ['k3Y9xQ2m'],
  'a Basic pair': ['deploy-bot', 'ghp_16C7e42F292c6912E7710c838347Ae17', 'deploy-bot:ghp_16C7e42F'],
  'eight secrets of 40 characters': Array.from({ length: 8 }, (_, i) =>
    Buffer.from(`secret number ${i} of eight !`).toString('base64'),
  ),
};

const pieces = piecesOf(sampleText(TEXT_BYTES));
const lines = ['| searched for | MB/s of one core (95 %) |', '|---|---|'];
for (const [name, values] of Object.entries(SECRETS)) {
  const matcher = new WuManberMatcher(
    values.map((value) => ({ secret: 'bench', bytes: Buffer.from(value) })),
  );
  measure(matcher, TEXT_BYTES * 4);
  const rates = Array.from({ length: Number(options.rounds) }, () =>
    measure(matcher, Number(options.megabytes) * MEGABYTE),
  );
  const { median, low, high } = medianInterval(rates);
  lines.push(`| ${name} | ${Math.round(median)} (${Math.round(low)}–${Math.round(high)}) |`);
}
process.stdout.write(`${lines.join('\n')}\n`);

/** Megabytes per second of processor time. */
function measure(matcher: WuManberMatcher, bytes: number): number {
  const stream = new EchoStream(matcher);
  const before = process.cpuUsage();
  let passed = 0;
  let searched = 0;
  for (let i = 0; searched < bytes; i++) {
    const piece = pieces[i % pieces.length] as Buffer;
    searched += piece.length;
    passed += stream.write(piece, false).length;
  }
  passed += stream.write(Buffer.alloc(0), true).length;
  if (passed !== searched || stream.found.length > 0) throw new Error('the text held a form');
  const { user, system } = process.cpuUsage(before);
  return searched / (user + system);
}

function piecesOf(text: Buffer): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < text.length; at += PIECE_BYTES) {
    cut.push(text.subarray(at, at + PIECE_BYTES));
  }
  return cut;
}

function sampleText(bytes: number): Buffer {
  const random = seededRandom(26);
  const words =
    'the of and to in is that for it as was with be by on not he this are or his from at which but have an had they you were their one all we can her has there been if more when will would who so no out up into'.split(
      ' ',
    );
  const chars = (count: number, alphabet: string): string =>
    Array.from({ length: count }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
  const hex = '0123456789abcdef';
  const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  let text = '';
  while (text.length < bytes) {
    const sentence = Array.from({ length: 12 }, () => words[Math.floor(random() * words.length)]);
    const row = {
      id: chars(24, hex),
      created: 1_700_000_000 + Math.floor(random() * 1e8),
      title: sentence.join(' '),
      cursor: chars(40, base64),
      amount: Math.floor(random() * 1e6) / 100,
      url: `https://api.example.com/v1/items/${chars(12, hex)}?expand=true`,
    };
    text += `${JSON.stringify(row)},\n`;
  }
  return Buffer.from(text.slice(0, bytes));
}

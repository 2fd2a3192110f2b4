import { once } from 'node:events';
import { request } from 'node:http';
import type { Writable } from 'node:stream';
import { createBrotliCompress, createGzip, constants as zlib } from 'node:zlib';
import { formsOf } from '../../support/canary.js';
import { startPlainUpstream } from '../../support/plain-upstream.js';
import { seededRandom } from '../../support/seeded-random.js';
import { REAL_KEY, startProxyBefore } from '../../support/start-proxy.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

const MB = 1_000_000;
const LARGEST_BODY_MB = 100;
const MASK = '[redacted]';
/** Nothing writes credentials so: not promised. */
const NOT_PROMISED = new Set(['list of bytes', 'bytes of inspect', 'UTF-16']);
const FORMS = formsOf(REAL_KEY)
  .filter(({ name }) => !NOT_PROMISED.has(name))
  .map(({ bytes }) => bytes);
const LONGEST_FORM = Math.max(...FORMS.map(({ length }) => length));

/** Long bodies, also compressed, with the credential anywhere and in any form: nothing of it comes through. */
export const campaign: Campaign = {
  name: 'echo-bodies',
  threat: 'upstream echoes the credential',
  target: 1_000,
  unit: 'MB of bodies with echoes, up to 100 MB each',
  slice: 200,
  run,
};

async function run({ seed, count, signal }: Slice): Promise<SliceOutcome> {
  const random = seededRandom(seed);
  let echoes = 0;
  const origin = await startPlainUpstream(async ({ url = '' }, response) => {
    const [, megabytes = '0', coding = ''] = /^\/(\d+)\/(\w+)$/.exec(url) ?? [];
    response.setHeader('Content-Type', 'application/json');
    if (coding !== 'identity') response.setHeader('Content-Encoding', coding);
    const quality = { params: { [zlib.BROTLI_PARAM_QUALITY]: 1 } };
    const body: Writable =
      coding === 'gzip'
        ? createGzip({ level: 1 })
        : coding === 'br'
          ? createBrotliCompress(quality)
          : response;
    if (body !== response) (body as ReturnType<typeof createGzip>).pipe(response);
    echoes = await writeBody(body, Number(megabytes) * MB, random);
  });
  const { port, token } = await startProxyBefore(origin);
  const findings: string[] = [];
  let all = 0;
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const megabytes = Math.min(count - done, Math.ceil(random() * LARGEST_BODY_MB));
    const coding = ['identity', 'gzip', 'br'][Math.floor(random() * 3)] ?? 'identity';
    const body = await readBody(`http://127.0.0.1:${port}/api/${megabytes}/${coding}`, token);
    const place = `${megabytes} MB, ${coding}`;
    if (body.leaks > 0) findings.push(`${body.leaks} forms came through (${place})`);
    if (body.masks !== echoes) findings.push(`${body.masks} masks for ${echoes} echoes (${place})`);
    if (!body.complete) findings.push(`the body was cut (${place})`);
    all += echoes;
    done += megabytes;
  }
  return { done, findings, note: `${all} echoes` };
}

/** Writes filler in pieces of any size, and a form of the credential after many of them; gives their number. */
async function writeBody(body: Writable, length: number, random: () => number): Promise<number> {
  const filler = Buffer.from(
    '{"name": "a value", "list": [1, 2, 3], "text": "real_ Bearer "}\n'.repeat(1024),
  );
  let written = 0;
  let echoes = 0;
  while (written < length) {
    const piece = filler.subarray(0, Math.ceil(random() ** 3 * filler.length));
    const form = random() < 0.3 ? FORMS[Math.floor(random() * FORMS.length)] : undefined;
    const whole =
      form === undefined ? piece : Buffer.concat([piece, Buffer.from('"'), form, Buffer.from('"')]);
    if (form !== undefined) echoes++;
    // Cut anywhere, within a form as well.
    const cut = form === undefined ? 0 : piece.length + Math.floor(random() * (form.length + 2));
    body.write(whole.subarray(0, cut));
    if (!body.write(whole.subarray(cut))) await once(body, 'drain');
    written += whole.length;
  }
  body.end();
  return echoes;
}

interface ReadBody {
  readonly complete: boolean;
  readonly masks: number;
  readonly leaks: number;
}

/** Looks for forms and masks in what comes, also across its pieces. */
function readBody(url: string, token: string): Promise<ReadBody> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { 'keyferry-token': token } }, (response) => {
      let kept = Buffer.alloc(0);
      let [masks, leaks] = [0, 0];
      response.on('data', (piece: Buffer) => {
        const text = Buffer.concat([kept, piece]);
        leaks += FORMS.filter((form) => text.includes(form)).length;
        masks += times(text, MASK);
        // Too short for a form to be found twice; what is left of the last mask is no mask.
        const from = Math.max(text.lastIndexOf(MASK) + MASK.length, text.length - LONGEST_FORM + 1);
        kept = Buffer.from(text.subarray(Math.min(Math.max(from, 0), text.length)));
      });
      response.on('error', () => resolve({ complete: false, masks, leaks }));
      response.on('end', () => resolve({ complete: response.complete, masks, leaks }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

function times(text: Buffer, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) count++;
  return count;
}

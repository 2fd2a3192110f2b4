import fc from 'fast-check';

/**
 * A request that is wrong, or close to it. In its text `{T}` stands for the client token and `{N}` for the mark by
 * which the upstream's answer is known.
 */
export interface MutatedRequest {
  readonly kind: string;
  readonly text: string;
  /**
   * How its end is known: `answer` = it has one answer, `probe` = nobody can say, so a sound request follows it,
   * `leave` = the client leaves in its middle.
   */
  readonly end: 'answer' | 'probe' | 'leave';
}

const HEAD_LINES = ['Host: keyferry', 'Keyferry-Token: {T}', 'X-N: {N}'];

function request(requestLine: string, lines: readonly string[] = [], body = ''): string {
  return `${[requestLine, ...HEAD_LINES, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

/** What an attacker would like to see arrive as a request of its own. */
const SMUGGLED = request('GET /api/smuggled HTTP/1.1');
const pick = <T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
const methods = pick('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'REPORT');

const pieces = pick(
  ...'.. . / // \\ %2e %2E %2f %5c %25 2e 2f ; %3b %3f %23 %00 %u002e %c0%ae %ef%bc%8e a b ? & = % : @ ~ + # kfc_'.split(
    ' ',
  ),
);
const targets: fc.Arbitrary<MutatedRequest> = fc.array(pieces, { maxLength: 8 }).map((parts) => ({
  kind: 'target',
  text: request(`GET /api${parts.join('')} HTTP/1.1`),
  end: 'answer',
}));

const names = pick(
  ...'Authorization authorization AUTHORIZATION aUTHORIZATION Authorization_ X-Api-Key x_api_key X_API-Key Cookie'.split(
    ' ',
  ),
  ...'Forwarded X-Forwarded-For X_Forwarded_Host X-Real-IP X-Request-Id Keyferry-Environment keyferry_token Via'.split(
    ' ',
  ),
  ...'Proxy-Authorization Proxy-Connection TE Trailer Upgrade HTTP2-Settings Keep-Alive Range If-None-Match'.split(
    ' ',
  ),
  ...'__proto__ constructor hasOwnProperty X-HTTP-Method-Override X-Original-URL Content_Length Transfer--Encoding'.split(
    ' ',
  ),
);
const values = pick(
  ...[
    '',
    'mine',
    'Bearer mine',
    '<<secret:api_key>>',
    'x'.repeat(300),
    '\xe9\xff',
    'a, b',
    '\t x \t',
    '"',
    '1',
  ],
  ...[
    '127.0.0.1',
    'keep-alive, Authorization',
    'close, x-api-key',
    'trailers',
    'h2c',
    'Basic a2ZjXzp4',
    '{T}x',
  ],
);
const connections = pick(
  ...[
    'keep-alive',
    'Authorization',
    'authorization, X-Api-Key',
    'Host',
    'Content-Length',
    'X-N, ,',
    'Upgrade',
  ],
);
const headers: fc.Arbitrary<MutatedRequest> = fc
  .tuple(
    methods,
    fc.array(fc.tuple(names, values), { maxLength: 6 }),
    fc.option(connections),
    fc.boolean(),
  )
  .map(([method, fields, connection, body]) => ({
    kind: 'headers',
    text: request(
      `${method} /api/headers HTTP/1.1`,
      [
        ...fields.map(([name, value]) => `${name}: ${value}`),
        ...(connection === null ? [] : [`Connection: ${connection}`]),
        ...(body ? ['Content-Length: 2'] : []),
      ],
      body ? 'hi' : '',
    ),
    end: 'answer',
  }));

const lengthNames = pick(
  ...[
    'Content-Length',
    'content-length',
    'Content-Length ',
    ' Content-Length',
    'Content_Length',
    'Content-Length\t',
  ],
);
const lengthValues = pick(
  ...[
    '0',
    '5',
    '6',
    '05',
    '+5',
    '-1',
    '5,5',
    '5, 5',
    '5 5',
    '0x5',
    '5.0',
    '',
    '\t5',
    '5\t',
    '5\x0b',
    '99',
    '1e1',
  ],
  ...['18446744073709551621', '5;a=b', '\xb2', '5\x00', '5\r', 'five', '5\r\n 5'],
);
const codingNames = pick(
  ...[
    'Transfer-Encoding',
    'transfer-encoding',
    'Transfer-Encoding ',
    ' Transfer-Encoding',
    'Transfer_Encoding',
  ],
  ...[
    'Transfer-Encoding\t',
    'Transfer-\r\n Encoding',
    '\rTransfer-Encoding',
    'X: y\nTransfer-Encoding',
  ],
);
const codingValues = pick(
  ...[
    'chunked',
    'Chunked',
    'CHUNKED',
    ' chunked',
    'chunked ',
    '\tchunked',
    'xchunked',
    'chunked, chunked',
    'identity',
  ],
  ...[
    'gzip, chunked',
    'chunked, gzip',
    'chunked\x0b',
    '\x0bchunked',
    '"chunked"',
    'chunked;q=1',
    '',
    'chunked,',
    ',',
  ],
  ...['cow', 'chunked\x00', 'chun\r\n ked', '\xa0chunked'],
);
const bodies = pick(
  ...[
    '',
    'hello',
    '0\r\n\r\n',
    '5\r\nhello\r\n0\r\n\r\n',
    SMUGGLED,
    `0\r\n\r\n${SMUGGLED}`,
    `hello${SMUGGLED}`,
  ],
  ...[`5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`, '\r\n', 'G'],
);
const framing: fc.Arbitrary<MutatedRequest> = fc
  .tuple(
    methods,
    pick('1.1', '1.1', '1.1', '1.0'),
    fc.array(
      fc.oneof(
        fc.tuple(lengthNames, lengthValues).map(([name, value]) => `${name}: ${value}`),
        fc.tuple(codingNames, codingValues).map(([name, value]) => `${name}: ${value}`),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    bodies,
  )
  .map(([method, version, lines, body]) => ({
    kind: 'framing',
    text: request(`${method} /api/framing HTTP/${version}`, lines, body),
    end: 'probe',
  }));

const sizes = pick(
  ...[
    '5',
    '5',
    '5',
    '05',
    '0005',
    '5;',
    '5;a=b',
    '5;a="b"',
    '5 ',
    ' 5',
    '0x5',
    '-5',
    '+5',
    '',
    '6',
    '4',
    'g',
    '5\t',
  ],
  ...['5;\x00', '5;a\r', '5;a\n', 'FFFFFFFFFFFFFFFF5', '100000005', '5,', '٥'],
);
const lineEnds = pick('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '', '\r\r\n', '\n\r', 'x\r\n');
const lastChunks = pick(
  ...[
    '0\r\n\r\n',
    '0\r\n\r\n',
    '00\r\n\r\n',
    '0;a=b\r\n\r\n',
    '0 \r\n\r\n',
    '0\n\n',
    '0\r\n',
    '',
    '-0\r\n\r\n',
  ],
  ...[
    '0\r\nX-T: 1\r\n\r\n',
    '0\r\nAuthorization: mine\r\n\r\n',
    '0\r\nContent-Length: 9\r\n\r\n',
    '0\r\n X: y\r\n\r\n',
  ],
  ...[
    '0\r\nTransfer-Encoding: x\r\n\r\n',
    '0\r\nX: y\n\r\n',
    '0\r\nno colon\r\n\r\n',
    '0\r\n__proto__: x\r\n\r\n',
  ],
);
const chunks: fc.Arbitrary<MutatedRequest> = fc
  .tuple(
    methods,
    fc.array(fc.tuple(sizes, lineEnds, lineEnds), { maxLength: 3 }),
    lastChunks,
    fc.boolean(),
  )
  .map(([method, parts, last, smuggles]) => ({
    kind: 'chunks',
    text: request(
      `${method} /api/chunks HTTP/1.1`,
      ['Transfer-Encoding: chunked'],
      parts.map(([size, before, after]) => `${size}${before}hello${after}`).join('') +
        last +
        (smuggles ? SMUGGLED : ''),
    ),
    end: 'probe',
  }));

const SOUND = [
  request('GET /api/sound?a=b HTTP/1.1', ['Accept: */*', 'Cookie: a=b']),
  request('POST /api/sound HTTP/1.1', ['Content-Length: 5'], 'hello'),
  request('PUT /api/sound HTTP/1.1', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
  request('GET /api/sound HTTP/1.0', ['Connection: keep-alive']),
  request('POST /api/sound HTTP/1.1', ['Expect: 100-continue', 'Content-Length: 2'], 'hi'),
];
const H2C = ['Connection: Upgrade', 'Upgrade: h2c', 'HTTP2-Settings: AA'];
const sound = pick(...SOUND, request('GET /api/sound HTTP/1.1', H2C));

const lines: fc.Arbitrary<MutatedRequest> = fc
  .tuple(
    sound,
    fc.nat(9),
    pick('\n', '\r', '\r\r\n', '\n\r', '\r\n\r', '\r\n ', '\r\n\t', '\x00\r\n', ' \r\n'),
  )
  .map(([text, at, lineEnd]) => {
    const parts = text.split('\r\n');
    const cut = 1 + (at % (parts.length - 1));
    return {
      kind: 'line ends',
      text: parts.slice(0, cut).join('\r\n') + lineEnd + parts.slice(cut).join('\r\n'),
      end: 'probe',
    };
  });

const requestLines: fc.Arbitrary<MutatedRequest> = fc
  .tuple(
    pick('', '', '', '\r\n', '\n', ' ', '\x00', '\r\n\r\n', '\xef\xbb\xbf'),
    pick(
      'GET',
      'POST',
      'get',
      'GET\t',
      'TRACE',
      'PRI',
      'FROB',
      'M-SEARCH',
      'G ET',
      '',
      'SOURCE',
      'DESCRIBE',
    ),
    pick(' ', ' ', ' ', '  ', '\t', '\x0b', ''),
    pick(
      '/api/line',
      '/api/line',
      'http://keyferry/api',
      '*',
      'keyferry:443',
      'api',
      '/api/\x01',
      '/api/\xe9',
      '/api a',
    ),
    pick(
      'HTTP/1.1',
      'HTTP/1.1',
      'HTTP/1.0',
      'HTTP/0.9',
      'HTTP/2.0',
      'HTTP/1.2',
      'HTTP/1.1 ',
      'http/1.1',
      'HTTP/01.1',
    ),
    pick(
      'Host: keyferry',
      'Host: a/b',
      'Host: a, b',
      'Host: a b',
      'Host:',
      'Host: [::1]:80',
      'Host: a\r\nHost: a',
      'X: y',
    ),
  )
  .map(([before, method, space, target, version, host]) => ({
    kind: 'request line',
    text: `${before}${method}${space}${target} ${version}\r\n${host}\r\nKeyferry-Token: {T}\r\nX-N: {N}\r\n\r\n`,
    end: 'probe',
  }));

const bytes: fc.Arbitrary<MutatedRequest> = fc
  .tuple(
    sound,
    fc.array(fc.tuple(fc.nat(), fc.nat(255), pick('flip', 'insert', 'delete', 'double')), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([text, edits]) => ({
    kind: 'bytes',
    text: edits.reduce(
      (edited, [at, byte, how]) => edit(edited, at % edited.length, byte, how),
      text,
    ),
    end: 'probe',
  }));

function edit(text: string, at: number, byte: number, how: string): string {
  const [before, after] = [text.slice(0, at), text.slice(at + 1)];
  const [own, other] = [text.charAt(at), String.fromCharCode(byte)];
  if (how === 'flip') return before + other + after;
  if (how === 'insert') return before + other + own + after;
  return how === 'delete' ? before + after : before + own + own + after;
}

const truncated: fc.Arbitrary<MutatedRequest> = fc.tuple(sound, fc.nat()).map(([text, at]) => ({
  kind: 'truncated',
  text: text.slice(0, 1 + (at % (text.length - 1))),
  end: 'leave',
}));

/** Without the offer to upgrade, which ends a connection that owes answers. */
const pipelined: fc.Arbitrary<MutatedRequest> = fc
  .array(pick(...SOUND), { minLength: 2, maxLength: 4 })
  .map((texts) => ({ kind: 'pipelined', text: texts.join(''), end: 'probe' }));

const mutated: fc.Arbitrary<MutatedRequest> = fc.oneof(
  { arbitrary: targets, weight: 3 },
  { arbitrary: headers, weight: 4 },
  { arbitrary: framing, weight: 4 },
  { arbitrary: chunks, weight: 3 },
  { arbitrary: lines, weight: 2 },
  { arbitrary: requestLines, weight: 2 },
  { arbitrary: bytes, weight: 4 },
  { arbitrary: truncated, weight: 1 },
  { arbitrary: pipelined, weight: 1 },
);

/** So many mutated requests, the same ones for the same seed. */
export function mutatedRequests(seed: number, count: number): MutatedRequest[] {
  return fc.sample(mutated, { seed, numRuns: count });
}

import { z } from 'zod';
import {
  DEFAULT_CIRCUIT_BREAKER,
  DEFAULT_MAX_REQUEST_BYTES,
  DEFAULT_TIMEOUTS,
  ECHO_SCRUB_MODES,
  ENVIRONMENT_NAME,
  LEAST_REQUESTS_PER_SECOND,
  MOST_REQUESTS,
  TRACE_MODES,
} from '../core/index.js';
import { credentialKeysAt, probe, refusedCredential } from './credential-schema.js';
import { body, path, placementKeysAt, sign, TEMPLATE_FORMS } from './placement-schema.js';

/** Names of routes: they appear in logs, metrics and client tokens. */
const ROUTE_NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/;

const DAY_MS = 86_400_000;
/** 1 TiB: a body this large is a stream, not a request. */
const LARGEST_REQUEST_BYTES = 1024 ** 4;

const milliseconds = (description: string, defaultMs: number) =>
  z.int().min(1).max(DAY_MS).optional().meta({ description, default: defaultMs });

const timeouts = z
  .strictObject({
    connectMs: milliseconds('Until TCP and TLS are connected.', DEFAULT_TIMEOUTS.connectMs),
    headersMs: milliseconds(
      'From the request sent until the response headers are here.',
      DEFAULT_TIMEOUTS.headersMs,
    ),
    idleMs: milliseconds('Longest silence between two pieces of a body.', DEFAULT_TIMEOUTS.idleMs),
  })
  .meta({ description: 'How long the upstream may take, in milliseconds.' });

const tls = z
  .strictObject({
    ca: z.string().optional().meta({
      description:
        "PEM certificates (the text, not a file's name) that replace the system's authorities for this upstream.",
    }),
    serverName: z.string().optional().meta({
      description: "Name to send as SNI and to verify, where it is not the upstream's host.",
    }),
  })
  .meta({ description: 'How the upstream proves who it is.' });

const limits = z
  .strictObject({
    requestsPerSecond: z
      .number()
      .min(LEAST_REQUESTS_PER_SECOND)
      .max(MOST_REQUESTS)
      .optional()
      .meta({
        description: 'Requests per second on average; 0.5 is one every two seconds.',
      }),
    burst: z.int().min(1).max(MOST_REQUESTS).optional().meta({
      description:
        'Requests that may come at once after a pause. By default what one second allows, at least 1.',
    }),
    concurrentRequests: z.int().min(1).max(MOST_REQUESTS).optional().meta({
      description: 'Requests under way at once; a WebSocket is under way until it closes.',
    }),
  })
  .meta({
    description:
      'How much the route takes from all clients together, in each environment; more is answered with 429.',
  });

const circuitBreaker = z
  .strictObject({
    failures: z.int().min(0).max(MOST_REQUESTS).optional().meta({
      description:
        'Requests in a row that found no connection or no answer in time, after which none is sent for a while; 0 = always send.',
      default: DEFAULT_CIRCUIT_BREAKER.failures,
    }),
    openMs: milliseconds(
      'How long none is sent, in milliseconds; then one is, as a probe.',
      DEFAULT_CIRCUIT_BREAKER.openMs,
    ),
    countServerErrors: z.boolean().optional().meta({
      description: 'Count answers of 500 and more as failures too.',
      default: DEFAULT_CIRCUIT_BREAKER.countServerErrors,
    }),
  })
  .meta({ description: 'When to leave an upstream alone that cannot be reached.' });

const headers = z.record(z.string(), z.string()).meta({
  description: `Request headers to place, after every spelling of the same name was removed. ${TEMPLATE_FORMS}`,
});

const query = z.record(z.string(), z.string()).meta({
  description: `Query parameters to place, names and values as plain text (percent-encoding is added). ${TEMPLATE_FORMS}`,
});

const settings = {
  headers: headers.optional(),
  query: query.optional(),
  path: path.optional(),
  body: body.optional(),
  sign: sign.optional(),
  stripPrefix: z.boolean().optional().meta({
    description: 'Remove match.pathPrefix from the path before it is sent.',
    default: true,
  }),
  timeouts: timeouts.optional(),
  maxRequestBytes: z.int().min(0).max(LARGEST_REQUEST_BYTES).optional().meta({
    description: 'Largest request body; more is answered with 413.',
    default: DEFAULT_MAX_REQUEST_BYTES,
  }),
  maxResponseBytes: z.int().min(0).max(LARGEST_REQUEST_BYTES).optional().meta({
    description:
      'Largest response body; more is answered with 502, or cut where it has begun. By default any length passes.',
  }),
  limits: limits.optional(),
  circuitBreaker: circuitBreaker.optional(),
  allowPrivateNetwork: z.boolean().optional().meta({
    description:
      'Allow the upstream to be at a private, loopback, link-local or metadata address; otherwise refused when connecting.',
    default: false,
  }),
  allowInsecureUpstream: z.boolean().optional().meta({
    description: 'Allow an http: upstream that is not loopback: the secret then travels in clear.',
    default: false,
  }),
  echoScrub: z.enum(ECHO_SCRUB_MODES).optional().meta({
    description:
      'What to do when a response holds the placed secret: block it, mask the secret, or do not look. By default it is masked, in all but binary types.',
  }),
  forwardClientAddress: z.boolean().optional().meta({
    description: "Tell the upstream the client's address.",
    default: false,
  }),
  http2: z.boolean().optional().meta({
    description:
      'Speak HTTP/2 to the upstream: over TLS where it is https:, with prior knowledge where it is http:. gRPC needs it.',
    default: false,
  }),
  tls: tls.optional(),
  trace: z.enum(TRACE_MODES).optional().meta({
    description:
      "Where traces are on: own begins a trace for each request; continue goes on with the request's own traceparent; propagate also gives the upstream a traceparent that names Keyferry's span.",
    default: 'own',
  }),
  refusedCredential: refusedCredential.optional(),
  probe: probe.optional(),
};

const match = z
  .strictObject({
    pathPrefix: z
      .string()
      .optional()
      .meta({
        description:
          'Whole segments at the start of the path: /a matches /a and /a/b, not /ab. "/" matches every path.',
        pattern: '^/([^/?#\\\\]+(/[^/?#\\\\]+)*)?$',
        examples: ['/stripe'],
      }),
    host: z
      .string()
      .optional()
      .meta({
        description:
          'The Host that the client sends, without a port: exact, or *.example.com for every name below it.',
        examples: ['api.example.test', '*.example.test'],
      }),
    methods: z
      .array(z.string())
      .min(1)
      .optional()
      .meta({
        description: 'Methods in upper case; left out = every method.',
        examples: [['GET', 'HEAD']],
      }),
  })
  .meta({
    description:
      'Which requests the route takes: pathPrefix, host, or both. The most specific match wins: exact host before wildcard (longer before shorter) before any host, then the longer pathPrefix, then methods before none.',
    anyOf: [{ required: ['pathPrefix'] }, { required: ['host'] }],
  });

const environment = z
  .strictObject({
    upstream: z.string().meta({
      description:
        'Where requests of this environment go: scheme, host, optionally port and a path to put in front.',
      pattern: '^https?://',
      examples: ['https://api.example.com'],
    }),
    ...settings,
  })
  .meta({ description: "The route in one environment. Its own settings win over the route's." });

const environmentName = z
  .string()
  .regex(
    ENVIRONMENT_NAME,
    'the name of an environment is expected: a lower-case letter, then up to 62 lower-case letters, digits or "-"',
  );

/** One route of the document. */
export const routeSchema = z
  .strictObject({
    name: z
      .string()
      .regex(ROUTE_NAME, 'expected a letter, then up to 63 letters, digits, "_" or "-"')
      .meta({ description: 'Unique. It appears in logs, metrics and the routes of a client.' }),
    match,
    ...settings,
    environments: z.record(environmentName, environment).meta({
      description:
        'The environments that the route exists in, at least one. One that is not listed here does not exist for the route.',
      minProperties: 1,
    }),
  })
  .meta({ description: 'Requests to take, what to place into them, and where to send them.' });

/** The routes document as the contract has it: structure and ranges. Meaning is checked after it. */
export const routesSchema = z
  .strictObject({
    $schema: z.string().optional().meta({ description: 'Where an editor finds this schema.' }),
    routes: z.array(routeSchema).meta({ description: 'The order says nothing.' }),
  })
  .meta({ title: 'Keyferry routes' });

/** Keys known at a place of the document, for the nearest spelling of an unknown one. */
export function knownKeysAt(path: readonly PropertyKey[]): readonly string[] {
  const last = path.at(-1);
  if (path.length === 0) return Object.keys(routesSchema.shape);
  if (path.length === 2) return Object.keys(routeSchema.shape);
  if (path.length === 4 && path[2] === 'environments') return Object.keys(environment.shape);
  if (last === 'match') return Object.keys(match.shape);
  if (last === 'timeouts') return Object.keys(timeouts.shape);
  if (last === 'limits') return Object.keys(limits.shape);
  if (last === 'circuitBreaker') return Object.keys(circuitBreaker.shape);
  if (last === 'tls') return Object.keys(tls.shape);
  return credentialKeysAt(last) ?? placementKeysAt(path);
}

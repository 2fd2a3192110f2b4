/** The admin listener: the API, and the console in front of it. */
import { type AdminApp, type AdminFetch, FailureLimit } from './admin/index.js';
import { type ConsoleDependencies, createConsole } from './console/index.js';

/** What is not a page. */
const API_PATH = /^\/(?:v1|docs|healthz|readyz|metrics|version)(?:\/|$)/;

/** Answers every request of the admin listener. */
export function serveConsole(
  api: AdminApp,
  dependencies: Omit<ConsoleDependencies, 'callApi' | 'tooMany'>,
): AdminFetch {
  const failures = new FailureLimit(dependencies.clock);
  const pages = createConsole({
    ...dependencies,
    tooMany: (address) => failures.record(address),
    callApi: async (request, caller, bindings) => api.fetch(request, { ...bindings, caller }),
  });
  return (request, bindings) =>
    API_PATH.test(new URL(request.url).pathname)
      ? api.fetch(request, bindings)
      : pages.fetch(request, bindings);
}

/**
 * snapshot: facts at rest → what a request needs: compiled routes with their values placed, and clients.
 * A snapshot is immutable and swapped whole; the next one is derived from the change log. Imports only
 * core/, lru-cache and Node's own net.
 */
export {
  type CutoverPart,
  createSnapshotKeeper,
  type SnapshotKeeper,
  type SnapshotOptions,
} from './keep-snapshot.js';
export { NO_ROUTE } from './route-shape.js';

/**
 * core: what things are: secrets, versions, routes, environments, clients, errors, and the ports between
 * rooms. Pure: no I/O, no clock, no environment. Imports nothing but Node's own `util` and `buffer`.
 */
export * from './alert.js';
export * from './alert-store.js';
export * from './audit.js';
export * from './audit-statement.js';
export * from './canonical.js';
export * from './client.js';
export * from './cutover.js';
export * from './cutover-routes.js';
export * from './cutover-store.js';
export * from './decision.js';
export * from './echo.js';
export * from './environment.js';
export * from './errors.js';
export * from './heartbeat-store.js';
export * from './host-allowed.js';
export * from './imported.js';
export * from './json-pointer.js';
export * from './listen-address.js';
export * from './nearest-name.js';
export * from './notification.js';
export * from './notification-store.js';
export * from './outbound.js';
export * from './page.js';
export * from './placed.js';
export * from './placed-templates.js';
export * from './ports.js';
export * from './private-mode.js';
export * from './prober.js';
export * from './revoke-safety.js';
export * from './rotation.js';
export * from './rotation-control.js';
export * from './rotation-status.js';
export * from './rotation-store.js';
export * from './route.js';
export * from './secret.js';
export * from './secret-value.js';
export * from './show-name.js';
export * from './signing.js';
export * from './snapshot.js';
export * from './stored-key.js';
export * from './template.js';
export * from './traffic.js';
export * from './usage.js';

import type { ProviderStandIn } from './provider-stand-in.js';
import { startAwsStandIn } from './stand-ins/aws.js';
import { startCommandStandIn } from './stand-ins/command.js';
import { startCustomStandIn } from './stand-ins/custom.js';
import { startMysqlStandIn } from './stand-ins/mysql.js';
import { startOAuth2StandIn } from './stand-ins/oauth2.js';
import { startPostgresStandIn } from './stand-ins/postgres.js';
import { startStripeStandIn } from './stand-ins/stripe.js';

export interface StandInEntry {
  readonly name: string;
  /** Undefined where this machine lacks what it needs. */
  start(): Promise<ProviderStandIn | undefined>;
}

/** Every provider in each of its ways of working: one line each. */
export const ALL_STAND_INS: readonly StandInEntry[] = [
  { name: 'aws_operator', start: () => startAwsStandIn({ mode: 'operator' }) },
  { name: 'aws_self', start: () => startAwsStandIn({ mode: 'self' }) },
  { name: 'stripe_assisted', start: () => startStripeStandIn({ mode: 'assisted' }) },
  { name: 'stripe_api', start: () => startStripeStandIn({ mode: 'api' }) },
  { name: 'postgres', start: () => startPostgresStandIn() },
  { name: 'mysql', start: () => startMysqlStandIn('mysql') },
  { name: 'custom_signed', start: () => startCustomStandIn('signed') },
  { name: 'custom_plain', start: () => startCustomStandIn('plain') },
  { name: 'oauth2_client', start: () => startOAuth2StandIn({ mode: 'client_credentials' }) },
  { name: 'oauth2_refresh', start: () => startOAuth2StandIn({ mode: 'refresh_token' }) },
  { name: 'command', start: () => startCommandStandIn() },
];

import type { Criticality, SecretKind } from '../../src/core/index.js';

/** A secret of the made-up company that the demo shows. */
export interface DemoSecret {
  readonly name: string;
  readonly kind: SecretKind;
  readonly criticality?: Criticality;
  readonly owner: string;
  readonly description: string;
  /** Where its route sends to; absent where no route names it. */
  readonly host?: string;
  /** Age of each version in days, oldest first, by environment. */
  readonly versions: Readonly<Record<string, readonly number[]>>;
  /** Requests a day in production; the others have a tenth. */
  readonly perDay?: number;
  /** Days since its last use, where it is no longer used. */
  readonly unusedForDays?: number;
}

const payments = { owner: 'payments' } as const;
const platform = { owner: 'platform' } as const;
const growth = { owner: 'growth' } as const;
const data = { owner: 'data' } as const;
const support = { owner: 'customer care' } as const;

export const DEMO_SECRETS: readonly DemoSecret[] = [
  {
    ...payments,
    name: 'stripe_api_key',
    kind: 'stripe',
    criticality: 'critical',
    description: 'Restricted key: charges and refunds',
    host: 'api.stripe.com',
    versions: { production: [310, 190, 74, 12], staging: [300, 64], development: [300] },
    perDay: 4100,
  },
  {
    ...payments,
    name: 'adyen_api_key',
    kind: 'api_key',
    criticality: 'critical',
    description: 'Card terminals in the shops',
    host: 'checkout-live.adyen.com',
    versions: { production: [210, 38], staging: [210] },
    perDay: 820,
  },
  {
    ...payments,
    name: 'paypal_client_secret',
    kind: 'oauth',
    description: 'Checkout, and payouts to sellers',
    host: 'api-m.paypal.com',
    versions: { production: [164], staging: [160], development: [160] },
    perDay: 610,
  },
  {
    ...payments,
    name: 'wise_payout_token',
    kind: 'api_key',
    criticality: 'critical',
    description: 'Weekly payouts abroad',
    host: 'api.transferwise.com',
    versions: { production: [29] },
    perDay: 90,
  },
  {
    ...payments,
    name: 'tax_rates_key',
    kind: 'api_key',
    description: 'VAT by country',
    host: 'api.taxrates.example',
    versions: { production: [71], staging: [71] },
    perDay: 340,
  },
  {
    ...platform,
    name: 'orders_service_key',
    kind: 'api_key',
    criticality: 'critical',
    description: 'Between shop and order service',
    versions: { production: [120, 24], staging: [120, 24], development: [120] },
  },
  {
    ...platform,
    name: 'github_app_token',
    kind: 'api_key',
    description: 'Builds and release notes',
    host: 'api.github.com',
    versions: { production: [88, 20], staging: [88] },
    perDay: 1500,
  },
  {
    ...platform,
    name: 'pagerduty_routing_key',
    kind: 'api_key',
    description: 'Wakes who is on duty',
    host: 'events.pagerduty.com',
    versions: { production: [61] },
    perDay: 14,
  },
  {
    ...platform,
    name: 'datadog_api_key',
    kind: 'api_key',
    description: 'Metrics of the job runners',
    host: 'api.datadoghq.eu',
    versions: { production: [143, 51], staging: [143] },
    perDay: 5200,
  },
  {
    ...platform,
    name: 'cloudflare_dns_token',
    kind: 'api_key',
    criticality: 'critical',
    description: 'Changes DNS of the shop domains',
    host: 'api.cloudflare.com',
    versions: { production: [27] },
    perDay: 22,
  },
  {
    ...platform,
    name: 'artifact_store',
    kind: 'aws',
    description: 'Build artefacts in S3',
    host: 's3.eu-central-1.amazonaws.com',
    versions: { production: [96, 6], staging: [96] },
    perDay: 2300,
  },
  {
    ...platform,
    name: 'vault_bridge_token',
    kind: 'other',
    description: 'Only for the old deploy scripts',
    versions: { production: [402] },
  },
  {
    ...growth,
    name: 'mailchimp_api_key',
    kind: 'api_key',
    description: 'Newsletter lists',
    host: 'us9.api.mailchimp.com',
    versions: { production: [240], staging: [240] },
    perDay: 75,
    unusedForDays: 47,
  },
  {
    ...growth,
    name: 'sendgrid_api_key',
    kind: 'api_key',
    description: 'Receipts and sign-up mails',
    host: 'api.sendgrid.com',
    versions: { production: [130, 58, 9], staging: [130, 58], development: [130] },
    perDay: 2900,
  },
  {
    ...growth,
    name: 'twilio_auth_token',
    kind: 'api_key',
    description: 'Codes by SMS',
    host: 'api.twilio.com',
    versions: { production: [83], staging: [80] },
    perDay: 410,
  },
  {
    ...growth,
    name: 'segment_write_key',
    kind: 'api_key',
    description: 'Events of the shop',
    host: 'api.segment.io',
    versions: { production: [33], staging: [33], development: [33] },
    perDay: 7800,
  },
  {
    ...growth,
    name: 'maps_geocoding_key',
    kind: 'api_key',
    description: 'Addresses to places',
    host: 'maps.googleapis.com',
    versions: { production: [55] },
    perDay: 980,
  },
  {
    ...data,
    name: 'anthropic_api_key',
    kind: 'api_key',
    description: 'Product descriptions, summaries',
    host: 'api.anthropic.com',
    versions: { production: [66, 17], staging: [66], development: [60] },
    perDay: 1250,
  },
  {
    ...data,
    name: 'openai_api_key',
    kind: 'api_key',
    description: 'Search embeddings',
    host: 'api.openai.com',
    versions: { production: [118, 22], staging: [118] },
    perDay: 1900,
  },
  {
    ...data,
    name: 'warehouse_password',
    kind: 'database',
    criticality: 'critical',
    description: 'Reports, read only',
    host: 'warehouse.example.net',
    versions: { production: [95, 31] },
    perDay: 160,
  },
  {
    ...data,
    name: 'snowflake_jwt_key',
    kind: 'jwt',
    description: 'Loads of the night',
    host: 'acme.snowflakecomputing.com',
    versions: { production: [176], staging: [176] },
    perDay: 48,
  },
  {
    ...data,
    name: 'exchange_rates_key',
    kind: 'api_key',
    description: 'Once an hour',
    host: 'api.exchangerates.example',
    versions: { production: [44], staging: [44], development: [44] },
    perDay: 24,
  },
  {
    ...support,
    name: 'zendesk_token',
    kind: 'api_key',
    description: 'Tickets from the shop',
    host: 'acme.zendesk.com',
    versions: { production: [72, 15], staging: [72] },
    perDay: 530,
  },
  {
    ...support,
    name: 'slack_bot_token',
    kind: 'oauth',
    description: 'Order questions in #orders',
    host: 'slack.com',
    versions: { production: [101] },
    perDay: 260,
  },
  {
    ...support,
    name: 'translation_api_key',
    kind: 'api_key',
    description: 'Messages of customers',
    host: 'api.deepl.com',
    versions: { production: [37], staging: [37] },
    perDay: 700,
  },
  {
    ...support,
    name: 'legacy_crm_password',
    kind: 'other',
    description: 'The CRM that was left in spring',
    versions: { production: [520] },
    unusedForDays: 131,
  },
];

import { createHmac } from 'node:crypto';

const SIGNING_SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** The key of a `whsec_…` secret of Standard Webhooks, 24 to 64 bytes; undefined for anything else. */
export function readSigningKey(secret: string): Uint8Array | undefined {
  const [, text = ''] = SIGNING_SECRET.exec(secret) ?? [];
  const key = Buffer.from(text, 'base64');
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

/** Headers of Standard Webhooks for a message that goes out now. Its id stays the same when it is sent again. */
export function signWebhook(
  key: Uint8Array,
  id: string,
  body: string,
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac}`,
  };
}

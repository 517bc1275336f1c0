import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import type { SecretSetting, SignatureSetting, WebhookSetting } from './webhook-setting.js';

/**
 * Looks at the headers of a webhook request. `undefined` where they refuse it; otherwise what the body has to pass as
 * well, in the bytes that were sent: nothing is decompressed for a sender that nobody knows.
 */
export type WebhookGuard = (headers: IncomingHttpHeaders) => ((body: Buffer) => boolean) | undefined;

/** The guard of a connection's webhook. How long it takes says nothing of how much of a secret was right. */
export function webhookGuard(setting: WebhookSetting): WebhookGuard {
  return 'secret' in setting ? secretGuard(setting) : signatureGuard(setting);
}

function secretGuard({ secret }: SecretSetting): WebhookGuard {
  const expected = digest(secret);
  return (headers) => {
    const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    const shown = textOf(headers['x-webhook-secret']) ?? bearer;
    return shown !== undefined && timingSafeEqual(digest(shown), expected) ? () => true : undefined;
  };
}

/**
 * Takes `HEX` and, as GitHub began it, `sha256=HEX`. With `sha1` that is what Segment's webhooks send: a hex-encoded
 * SHA-1 HMAC of the body in `X-Signature`
 * (https://segment.com/docs/connections/destinations/catalog/webhooks/#authentication). Of a batch, Segment signs the first
 * event alone there, which proves nothing of the others and is refused here; with its setting "Use X-Segment-Signature
 * Header" it signs the whole body in that header (https://github.com/segmentio/action-destinations,
 * `destinations/webhook/index.ts`).
 */
function signatureGuard({ hmacSecret, header, algorithm }: SignatureSetting): WebhookGuard {
  const name = header.toLowerCase();
  const prefix = `${algorithm}=`;
  return (headers) => {
    const text = textOf(headers[name]) ?? '';
    const hex = text.toLowerCase().startsWith(prefix) ? text.slice(prefix.length) : text;
    const signature = Buffer.from(/^[0-9a-f]+$/i.test(hex) ? hex : '', 'hex');
    if (signature.length === 0) return undefined;
    return (body) => {
      const expected = createHmac(algorithm, hmacSecret).update(body).digest();
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    };
  };
}

function textOf(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.trim() : undefined;
}

/** Of one length whatever the text's, as the comparison wants it. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

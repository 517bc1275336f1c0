import { createHmac } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { webhookGuard } from '../../../src/sources/webhook/webhook-guard.js';
import type { SignatureAlgorithm, WebhookSetting } from '../../../src/sources/webhook/webhook-setting.js';

const body = Buffer.from('{"type":"track"}');

function admits(setting: WebhookSetting, headers: Readonly<Record<string, string>>, sent = body): boolean {
  return webhookGuard(setting)(headers)?.(sent) ?? false;
}

describe('a webhook with a secret', () => {
  const setting = { secret: 'a-long-secret' };

  it.each([
    ['as a bearer token', { authorization: 'Bearer a-long-secret' }],
    ['whatever the case of the scheme', { authorization: 'bEARER   a-long-secret ' }],
    ['in X-Webhook-Secret', { 'x-webhook-secret': 'a-long-secret' }],
    [
      'in X-Webhook-Secret, whatever the other says',
      { 'x-webhook-secret': 'a-long-secret', authorization: 'Bearer x' },
    ],
  ])('admits who shows it %s', (_name, headers) => {
    expect(admits(setting, headers)).toBe(true);
  });

  it.each([
    ['nothing', {}],
    ['an empty one', { 'x-webhook-secret': '' }],
    ['its beginning', { authorization: 'Bearer a-long' }],
    ['more than it', { authorization: 'Bearer a-long-secret-and-more' }],
    ['it in another case', { authorization: 'Bearer A-LONG-SECRET' }],
    ['it as HTTP Basic', { authorization: `Basic ${Buffer.from('a-long-secret:').toString('base64')}` }],
    ['it without a scheme', { authorization: 'a-long-secret' }],
    ['a wrong one before the right one', { 'x-webhook-secret': 'x', authorization: 'Bearer a-long-secret' }],
  ])('refuses who shows %s, before the body is read', (_name, headers) => {
    expect(webhookGuard(setting)(headers)).toBeUndefined();
  });
});

describe('a webhook with a signature', () => {
  const sign = (algorithm: SignatureAlgorithm, secret: string, bytes: Buffer = body): string =>
    createHmac(algorithm, secret).update(bytes).digest('hex');
  const setting = { hmacSecret: 'a-long-secret', header: 'X-Signature', algorithm: 'sha256' } as const;
  const right = sign('sha256', 'a-long-secret');

  it.each([right, right.toUpperCase(), `sha256=${right}`, `SHA256=${right}`, ` ${right} `])(
    'admits %s',
    (signature) => {
      expect(admits(setting, { 'x-signature': signature })).toBe(true);
    },
  );

  it("admits what Segment's webhooks send: SHA-1 in hexadecimal digits", () => {
    // Computed apart from this code: printf '{"type":"track"}' | openssl dgst -sha1 -hmac a-long-secret
    const signature = '3b1eb3ef6bb1241815513ff642aa5a68d30df285';
    expect(admits({ ...setting, algorithm: 'sha1' }, { 'x-signature': signature })).toBe(true);
    expect(
      admits({ ...setting, algorithm: 'sha1', header: 'X-Segment-Signature' }, { 'x-segment-signature': signature }),
    ).toBe(true);
  });

  it.each([
    ['none', {}],
    ['an empty one', { 'x-signature': '' }],
    ['one in another header', { 'x-hub-signature': right }],
    ['one of another algorithm', { 'x-signature': sign('sha1', 'a-long-secret') }],
    ['one that claims another algorithm', { 'x-signature': `sha1=${right}` }],
    ['one with another secret', { 'x-signature': sign('sha256', 'another-secret') }],
    ['half of one', { 'x-signature': right.slice(0, 32) }],
    ['one and more', { 'x-signature': `${right}00` }],
    ['one in base64', { 'x-signature': Buffer.from(right, 'hex').toString('base64') }],
    ['one with a digit that is none', { 'x-signature': `${right.slice(0, -1)}g` }],
  ])('refuses %s', (_name, headers) => {
    expect(admits(setting, headers)).toBe(false);
  });

  it('refuses any other body', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const other = Buffer.from(bytes);
        expect(admits(setting, { 'x-signature': right }, other)).toBe(other.equals(body));
      }),
    );
  });

  it('refuses a batch of which only the first event is signed', () => {
    const batch = Buffer.from('[{"type":"track"},{"type":"identify"}]');
    expect(admits({ ...setting, algorithm: 'sha1' }, { 'x-signature': sign('sha1', 'a-long-secret') }, batch)).toBe(
      false,
    );
  });
});

it('whatever the headers, a guard answers and does not throw', () => {
  const any = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(any, any, (authorization, signature) => {
      const headers = { authorization, 'x-signature': signature, 'x-webhook-secret': signature };
      expect(admits({ secret: 'never-guessed' }, headers)).toBe(false);
      expect(admits({ hmacSecret: 'never-guessed', header: 'X-Signature', algorithm: 'sha512' }, headers)).toBe(false);
    }),
  );
});

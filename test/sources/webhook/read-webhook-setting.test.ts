import { describe, expect, it } from '@jest/globals';

import { formatPath, type SchemaFault } from '../../../src/core/config/schema-faults.js';
import { readWebhookSetting } from '../../../src/sources/webhook/read-webhook-setting.js';

function faultsOf(value: unknown): readonly string[] {
  const faults: SchemaFault[] = [];
  const setting = readWebhookSetting(value, faults);
  expect(setting === undefined).toBe(faults.length > 0);
  return faults.map(({ path, message }) => `${formatPath(path)} ${message}`.trim());
}

describe('the webhook setting of a connection', () => {
  it('may be a secret', () => {
    expect(readWebhookSetting({ secret: 'a-long-secret' }, [])).toEqual({ secret: 'a-long-secret' });
  });

  it('may be a secret to sign with, in X-Signature with SHA-256 unless said otherwise', () => {
    expect(readWebhookSetting({ hmacSecret: 'a-long-secret' }, [])).toEqual({
      hmacSecret: 'a-long-secret',
      header: 'X-Signature',
      algorithm: 'sha256',
    });
    const segment = { hmacSecret: 'a-long-secret', header: 'X-Segment-Signature', algorithm: 'sha1' };
    expect(readWebhookSetting(segment, [])).toEqual(segment);
  });

  it.each<[unknown, string]>([
    [null, 'must be object'],
    ['a-long-secret', 'must be object'],
    [{}, 'must have either'],
    [{ secret: 'a-long-secret', hmacSecret: 'a-long-secret' }, 'must have either'],
    [{ secret: 'a-long-secret', algorithm: 'sha1' }, 'must have either'],
    [{ header: 'X-Signature' }, 'must have either'],
    [{ secret: 'short' }, 'secret must be 8 to 256'],
    [{ secret: 'with white space' }, 'secret must be 8 to 256'],
    [{ secret: 7 }, 'secret must be string'],
    [{ hmacSecret: 'a-long-secret', algorithm: 'md5' }, 'algorithm must be one of'],
    [{ hmacSecret: 'a-long-secret', header: 'X Signature' }, 'header must be the name'],
    [{ token: 'a-long-secret' }, 'token is not known here'],
  ])('%j is refused: %s', (value, fault) => {
    expect(faultsOf(value)).toEqual([expect.stringContaining(fault)]);
  });

  it('is never repeated in a fault, as it may hold a secret', () => {
    expect(faultsOf({ secret: 'se cret', token: 'hush-hush' }).join()).not.toMatch(/se cret|hush/);
  });
});

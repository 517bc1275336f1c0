import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { writeKeyOf } from '../../../src/sources/segment/write-key.js';

const header = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

const nowhere = { authorization: undefined, keyHeader: undefined, query: '' };

function keyOf(authorization: string | undefined): string | undefined {
  return writeKeyOf({ ...nowhere, authorization });
}

describe('the write key in HTTP Basic', () => {
  it.each([
    ['as the user name', header('key:')],
    ['with a password, which is not looked at', header('key:secret')],
    ['without the colon', header('key')],
    ['whatever the case of the scheme', header('key:').replace('Basic', 'bASIC')],
    ['with more spaces', header('key:').replace(' ', '   ')],
    ['without padding', header('key:').replace(/=+$/, '')],
  ])('is read %s', (_name, authorization) => {
    expect(keyOf(authorization)).toBe('key');
  });

  it('may have any characters', () => {
    expect(keyOf(header('Schlüssel?~:x'))).toBe('Schlüssel?~');
  });

  it.each([
    undefined,
    '',
    'Basic',
    'Basic ',
    header(':password'),
    header(''),
    'Bearer a2V5Og==',
    'Basic ä',
    'a2V5Og==',
  ])('is missing in %j', (authorization) => {
    expect(keyOf(authorization)).toBeUndefined();
  });
});

describe('the write key elsewhere', () => {
  it.each(['key', ' key ', 'key:secret', 'key:', 'key:a:b'])('is read from X-Write-Key: %j', (keyHeader) => {
    expect(writeKeyOf({ ...nowhere, keyHeader })).toBe('key');
  });

  it('is read from the query', () => {
    expect(writeKeyOf({ ...nowhere, query: 'p=npm&writeKey=key&v=3' })).toBe('key');
    expect(writeKeyOf({ ...nowhere, query: 'writeKey=a%2Fb%' })).toBe('a/b%');
  });

  it.each(['', 'writeKey', 'writeKey=', 'writekey=key', 'x=writeKey=key'])('is missing in the query %j', (query) => {
    expect(writeKeyOf({ ...nowhere, query })).toBeUndefined();
  });
});

describe('of several write keys', () => {
  const all = { authorization: header('basic:'), keyHeader: 'header', query: 'writeKey=query' };

  it('HTTP Basic comes before X-Write-Key, and that before the query', () => {
    expect(writeKeyOf(all)).toBe('basic');
    expect(writeKeyOf({ ...all, authorization: undefined })).toBe('header');
    expect(writeKeyOf({ ...all, authorization: undefined, keyHeader: undefined })).toBe('query');
  });

  it('an empty one does not count, nor another scheme', () => {
    expect(writeKeyOf({ ...all, authorization: header(':') })).toBe('header');
    expect(writeKeyOf({ ...all, authorization: 'Bearer token', keyHeader: ' ' })).toBe('query');
  });
});

it('never throws, whatever a request says', () => {
  const any = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(
      fc.option(any, { nil: undefined }),
      fc.option(any, { nil: undefined }),
      any,
      (authorization, keyHeader, query) => {
        const key = writeKeyOf({ authorization, keyHeader, query });
        expect(key === undefined || key.length > 0).toBe(true);
      },
    ),
  );
});

import { gzipSync } from 'node:zlib';

import { describe, expect, it } from '@jest/globals';

import { decodeBody } from '../../src/http/read-body.js';

const inflated = 'x'.repeat(5_000_000);
const body = gzipSync(inflated);

describe('a compressed body', () => {
  it('is told of piece by piece, in all as many bytes as it is', async () => {
    const pieces: number[] = [];
    const decoded = await decodeBody(body, 'gzip', 10_000_000, (bytes) => pieces.push(bytes) > 0);
    expect(decoded.ok && decoded.bytes.toString()).toBe(inflated);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.reduce((sum, bytes) => sum + bytes, 0)).toBe(inflated.length);
  });

  it('is inflated no further than there is room', async () => {
    let room = 1_000_000;
    const decoded = await decodeBody(body, 'gzip', 10_000_000, (bytes) => (room -= bytes) >= 0);
    expect(decoded).toMatchObject({ ok: false, reason: 'backlog_full' });
    expect(room).toBeGreaterThan(-100_000);
  });

  it('is inflated no further than a body may be long', async () => {
    expect(await decodeBody(body, 'gzip', 1_000_000)).toMatchObject({ ok: false, reason: 'body_too_large' });
  });
});

import { createHash } from 'node:crypto';

/**
 * The user_id by which Heap knows the visitor of an anonymous id: 53 bits of its MD5
 * (https://github.com/segmentio/action-destinations/pull/687).
 */
export function heapUserId(anonymousId: string): string {
  const digest = createHash('md5').update(anonymousId, 'utf8').digest();
  const low = BigInt(digest.readUInt32LE(0));
  const high = BigInt(digest.readUInt32LE(8)) & (2n ** 21n - 1n);
  return (low + high * 2n ** 32n).toString();
}

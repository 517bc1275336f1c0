import { hashText } from '../../core/mapping/conversions/hash.js';

const high21Bits = 0x1f_ffff;
const highestUserId = '9007199254740991';

/**
 * The Heap `user_id` that stands for an anonymous id: the MD5 of its UTF-8 bytes, of which the little-endian 32-bit
 * word at byte 0 is the low half and 21 bits of the word at byte 8 the high half, as a decimal of 53 bits. Heap's
 * engineers verified the same function against their own in
 * https://github.com/segmentio/action-destinations/pull/687, so events that other senders delivered for the same
 * anonymous id belong to the same visitor.
 */
export function userIdOfAnonymousId(anonymousId: string): string {
  const digest = hashText('md5', anonymousId);
  const low = wordAt(digest, 0);
  const high = wordAt(digest, 8) & high21Bits;
  return String(high * 0x1_0000_0000 + low);
}

/** Is the text a `user_id` as Heap takes it: a decimal in 0..2^53-1? */
export function isHeapUserId(text: string): boolean {
  if (!/^\d{1,16}$/.test(text)) return false;
  // Of decimals of one length the greater one is the later in the alphabet.
  return text.length < highestUserId.length || text <= highestUserId;
}

/** The unsigned little-endian 32-bit word at a byte of a hex digest. */
function wordAt(hex: string, byte: number): number {
  const at = byte * 2;
  const bigEndian =
    hex.slice(at + 6, at + 8) + hex.slice(at + 4, at + 6) + hex.slice(at + 2, at + 4) + hex.slice(at, at + 2);
  return Number.parseInt(bigEndian, 16);
}

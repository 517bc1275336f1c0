import { createHash } from 'node:crypto';

/**
 * What there should be, or is, of one kind of thing in one app_id: one line each. The expectation keeps a listing's
 * size and digest only; the order of the lines does not matter.
 */
export type Listing = readonly string[];

export interface ListingDigest {
  readonly count: number;
  readonly sha256: string;
}

export function digestOf(listing: Listing): ListingDigest {
  const text = [...listing].sort().join('\n');
  return { count: listing.length, sha256: createHash('sha256').update(text, 'utf8').digest('hex') };
}

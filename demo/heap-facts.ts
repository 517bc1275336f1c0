import { sortedJson } from './json.js';
import { digestOf, type Listing, type ListingDigest } from './listing.js';

/** Flat properties as Heap keeps them: text and numbers. */
export type KeptProperties = Readonly<Record<string, string | number>>;

/** What Heap holds, or should hold, for one app_id. */
export interface HeapFacts {
  readonly idempotencyKeys: Listing;
  /** {@link trackLine} */
  readonly tracks: Listing;
  readonly tracksByName: Readonly<Record<string, number>>;
  /** {@link userLine}, of the users that have properties. */
  readonly users: Listing;
  /** {@link accountLine} */
  readonly accounts: Listing;
  /** {@link mergeLine} */
  readonly merges: Listing;
  /** Users by identity, with or without properties. */
  readonly identities: number;
  /** Users by user_id alone. */
  readonly anonymousUsers: number;
}

export const listingNames = ['idempotencyKeys', 'tracks', 'users', 'accounts', 'merges'] as const;

export type ListingName = (typeof listingNames)[number];

/** The same, with digests for listings: small enough to be read in a review. */
export type HeapSummary = Omit<HeapFacts, ListingName> & Readonly<Record<ListingName, ListingDigest>>;

export function summarise(facts: HeapFacts): HeapSummary {
  return {
    tracks: digestOf(facts.tracks),
    tracksByName: facts.tracksByName,
    idempotencyKeys: digestOf(facts.idempotencyKeys),
    users: digestOf(facts.users),
    accounts: digestOf(facts.accounts),
    merges: digestOf(facts.merges),
    identities: facts.identities,
    anonymousUsers: facts.anonymousUsers,
  };
}

export interface TrackFact {
  readonly idempotencyKey: string;
  readonly name: string;
  /** Whose event it is once everybody is merged. */
  readonly owner: { readonly identity: string } | { readonly userId: string };
  /** ISO 8601 in UTC; `arrival` for a time that was worked out from the time of arrival. */
  readonly time: string;
  readonly properties: KeptProperties;
}

export function trackLine({ idempotencyKey, name, owner, time, properties }: TrackFact): string {
  return [idempotencyKey, JSON.stringify(name), JSON.stringify(owner), time, sortedJson(properties)].join(' ');
}

export function userLine(identity: string, properties: KeptProperties): string {
  return `${JSON.stringify(identity)} ${sortedJson(properties)}`;
}

export function accountLine(accountId: string, properties: KeptProperties): string {
  return `${JSON.stringify(accountId)} ${sortedJson(properties)}`;
}

export function mergeLine(userId: string, identity: string): string {
  return `${userId} ${JSON.stringify(identity)}`;
}

/** How often each item occurs, in alphabetical order. */
export function countEach(items: Iterable<string>): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

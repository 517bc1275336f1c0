import type { FlattenOptions, Mapping } from '../../core/mapping/mapping.js';

export type Region = 'us' | 'eu';

/** What becomes of an event that names an anonymous visitor only. */
export type AnonymousPolicy =
  /** The anonymousId's hash is the Heap `user_id`, merged into the user at identify time. */
  | 'hash'
  /** The anonymousId is a Heap SDK user id already: 1 to 16 decimal digits up to 2^53 - 1. */
  | 'heapUserId'
  /** The anonymousId becomes an identity, as RudderStack does it: a user that can't be merged later. */
  | 'identity'
  /** The event is rejected. */
  | 'reject';

/** The settings that shape what one connection's events become. Frozen at start; all have defaults. */
export interface HeapSettings {
  readonly anonymousIdentity: AnonymousPolicy;
  /** User ids that are nobody's, compared trimmed and in lower case. */
  readonly placeholderIdentities: readonly string[];
  /** The user property that the Heap account uses as its Account ID setting. */
  readonly accountIdProperty: string;
  readonly nestedObjects: FlattenOptions['objects'];
  readonly arrays: FlattenOptions['arrays'];
  readonly joinWith: string;
  /** Heap documents strings and numbers only: `string` sends "true" and "false". */
  readonly booleans: 'string' | 'native';
}

export const defaultHeapSettings: HeapSettings = {
  anonymousIdentity: 'hash',
  // 'undefined', 'null' and 'user' are Heap's own examples of ids that melt everybody into one profile
  // (https://developers.heap.io/reference/identify); the rest are the ways in which other languages print nothing.
  placeholderIdentities: [
    '0',
    '-1',
    'anonymous',
    'false',
    'guest',
    'n/a',
    'nan',
    'nil',
    'none',
    'null',
    '[object object]',
    'true',
    'undefined',
    'unknown',
    'user',
    '00000000-0000-0000-0000-000000000000',
  ],
  accountIdProperty: 'account_id',
  nestedObjects: 'dot',
  arrays: 'list',
  joinWith: ', ',
  booleans: 'string',
};

export type PresetName = 'heap' | 'rudderstack';

/** One connection: a source key tied to one Heap environment. */
export interface HeapConnection {
  readonly id: string;
  readonly appId: string;
  readonly region: Region;
  readonly preset: PresetName;
  readonly settings: HeapSettings;
  /** Replaces the preset's mapping, or changes it where it says `extends`. */
  readonly mapping?: Mapping;
}

/** Heap's environment ids are decimal; real ones are larger than 32 bits, so they stay text. */
export const appIdPattern = /^\d{1,20}$/;

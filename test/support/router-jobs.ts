import fc from 'fast-check';

import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../src/core/json/json.js';
import { deliveriesOf, type RouterJob } from './router-replay.js';
import { appId, destinationOf, metadataOf, newTransforms } from './rudderstack.js';

/** A job as a router's request holds it. */
export interface GivenJob {
  readonly message: JsonObject;
  /** `metadata.userId` */
  readonly userId: string;
  readonly destination: JsonObject;
  readonly dontBatch: boolean;
}

function destination(ID: string, config: JsonObject): JsonObject {
  return destinationOf(config, { ID, hasDynamicConfig: true });
}

/** Destinations that merge visitors into users. */
export const merging: readonly JsonObject[] = [
  destination('merging', { appId: '3', anonymousIdentity: 'hash' }),
  destination('all types', { appId: '4', preset: 'heap' }),
];

/** Destinations of one app_id each, no two of them the same. */
export const ownApps: readonly JsonObject[] = [
  destination('plain', { appId }),
  destination('eu', { appId, dataResidency: 'eu' }),
  destination('dynamic', { appId: '{{ event.properties.app || 5 }}' }),
  ...merging,
];

/** Two destinations that share an app_id. */
export const sharedApp: readonly JsonObject[] = [destination('first', { appId }), destination('second', { appId })];

const identity = fc.constantFrom('ann', 'bob', 'cat');
/** The longest alone are longer than a request of the smallest limit may be. */
const padding = fc.constantFrom('', '', '', '', 'x'.repeat(150), 'x'.repeat(400));
const traits = fc.record({ a: fc.nat(99), b: fc.nat(99), padding }, { requiredKeys: [] });

const message: fc.Arbitrary<JsonObject> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('track'),
      userId: identity,
      event: fc.constantFrom('E', 'E', 'E', ''),
      properties: fc.record({ n: fc.nat(99), padding, app: fc.constantFrom('5', '6') }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('identify'), userId: identity, traits }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('identify', 'track', 'alias'),
      userId: fc.constantFrom('ann', 'bob', ''),
      anonymousId: fc.constantFrom('v-1', 'v-2'),
      event: fc.constant('E'),
      traits,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('group'), userId: identity, groupId: identity, traits }) },
  // What fails, and what only a request of its own can hold.
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('track', 7),
      userId: fc.constantFrom(7, true),
      event: fc.constant(7),
    }),
  },
);

/** The jobs of one request. */
export function jobsTo(destinations: readonly JsonObject[]): fc.Arbitrary<readonly GivenJob[]> {
  const job = fc.record({
    message,
    userId: fc.constantFrom('r-1', 'r-2', 'r-3', ''),
    destination: fc.constantFrom(...destinations),
    dontBatch: fc.constantFrom(false, false, false, false, false, true),
  });
  return fc.array(job, { maxLength: 10 });
}

export interface RouterLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
}

export const wideLimits: RouterLimits = { maxItems: 1_000, maxBytes: 4_194_304 };

export const narrowLimits: fc.Arbitrary<RouterLimits> = fc.record({
  maxItems: fc.constantFrom(1, 2, 3, 1_000),
  maxBytes: fc.constantFrom(300, 600, 4_194_304),
});

export interface Answered {
  /** With the ids 1, 2, …. */
  readonly jobs: readonly RouterJob[];
  readonly entries: readonly JsonObject[];
}

/** Asks the router's transform for these jobs together, and for each alone. */
export function answerJobs(given: readonly GivenJob[], limits: RouterLimits): Answered {
  const { router } = newTransforms(limits);
  const ask = (input: readonly JsonObject[]): readonly JsonObject[] => {
    const entries = input.length === 0 ? [] : router({ destType: 'heap', input });
    if (!isJsonArray(entries) || !entries.every((entry: Json) => isJsonObject(entry))) throw new Error('no entries');
    return entries;
  };
  const inputOf = ({ message: one, destination: to, ...job }: GivenJob, index: number): JsonObject => ({
    message: one,
    metadata: metadataOf(index + 1, { destinationId: to.ID ?? '', ...job }),
    destination: to,
  });
  return {
    jobs: given.map((job, index) => ({
      jobId: index + 1,
      userId: job.userId,
      writes: deliveriesOf(ask([inputOf({ ...job, dontBatch: true }, index)])).map(({ write }) => write),
    })),
    entries: ask(given.map(inputOf)),
  };
}

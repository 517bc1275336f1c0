import type { JsonObject } from '../json/json.js';

/** Where a lane leads: one Heap environment in one region. Shared by all operations of its connections. */
export interface LaneTarget {
  /** `us:3000610572`; equal for equal targets. */
  readonly key: string;
  readonly region: string;
  readonly appId: string;
}

/** One write that an event became. */
export interface Operation {
  readonly lane: LaneTarget;
  readonly kind: string;
  /** What one item of a bulk request holds, without the app_id. */
  readonly item: JsonObject;
}

/** Where a lane leads: one Heap environment in one region. Shared by all operations of its connections. */
export interface LaneTarget {
  /** `us:9000000101`; equal for equal targets. */
  readonly key: string;
  readonly region: string;
  readonly appId: string;
}

/**
 * One write that an event became. It is carried as text from here on: serialised once, joined into a request's body,
 * and into smaller ones if the request has to be cut.
 */
export interface Operation {
  readonly lane: LaneTarget;
  readonly kind: string;
  /** The item as JSON text: what one element of a bulk request holds, without the app_id. */
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
  /**
   * Whom the write is about: `identity "ann`, `user_id "42`, `account "acme`; an identify is about a user_id and an
   * identity. Operations that share a key keep their order. Rate limits per identity count for the last one.
   */
  readonly keys: readonly [string, ...string[]];
  /** Operations of one kind with the same key are merged into one item. */
  readonly mergeKey?: string;
  /** Jobs of a router's transform with operations of one kind and order key keep their order. */
  readonly orderKey?: string;
}

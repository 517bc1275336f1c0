import { eventTypes, type EventType } from '../../core/event/event.js';

export interface EventRoute {
  readonly path: string;
  /** The type of the one event in the body; none for a batch. */
  readonly type: EventType | undefined;
  /** What metrics call it: spellings of one route are one. */
  readonly label: string;
}

/** Where SDKs post events. */
export const eventRoutes: readonly EventRoute[] = [
  { path: '/v1/batch', type: undefined, label: '/v1/batch' },
  // Segment's older mobile SDKs.
  { path: '/v1/import', type: undefined, label: '/v1/batch' },
  // `@segment/analytics-next` and Segment's newer mobile SDKs: the first letter of the type, and b.
  { path: '/v1/b', type: undefined, label: '/v1/batch' },
  // RudderStack's browser SDK where it uses beacons.
  { path: '/beacon/v1/batch', type: undefined, label: '/beacon/v1/batch' },
  ...eventTypes.flatMap((type): readonly EventRoute[] => [
    { path: `/v1/${type}`, type, label: `/v1/${type}` },
    { path: `/v1/${type.charAt(0)}`, type, label: `/v1/${type}` },
    // Jitsu's SDKs, from browsers and from servers.
    { path: `/api/s/${type}`, type, label: `/api/s/${type}` },
    { path: `/api/s/s2s/${type}`, type, label: `/api/s/${type}` },
  ]),
];

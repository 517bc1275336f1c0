import type { ConnectionId } from '../connections.js';
import type { JsonObject } from '../json.js';

/** Whose event it is. */
export type Owner = { readonly identity: string } | { readonly anonymousId: string };

/** When Heap should say that it happened: at this moment, or when it was sent, by the arrival's clock. */
export type ExpectedTime = number | 'arrival';

/** One write that Heap should see. */
export type Write =
  | {
      readonly kind: 'track';
      readonly owner: Owner;
      readonly name: string;
      readonly properties: JsonObject;
      readonly time: ExpectedTime;
    }
  | { readonly kind: 'userProperties'; readonly identity: string; readonly properties: JsonObject }
  | { readonly kind: 'accountProperties'; readonly accountId: string; readonly properties: JsonObject }
  | { readonly kind: 'merge'; readonly anonymousId: string; readonly identity: string };

/** What should become of an event. */
export type Effect =
  | { readonly outcome: 'delivered'; readonly writes: readonly Write[]; readonly adjustments: readonly string[] }
  | { readonly outcome: 'dropped' | 'rejected'; readonly reason: string };

/** One line of the demo's events, with what its author knows of it. */
export interface StoryEvent {
  readonly connection: ConnectionId;
  /** When it happened; the events are sent in this order. */
  readonly at: number;
  readonly messageId: string;
  readonly event: JsonObject;
  readonly effect: Effect;
  /** The same event was sent before; Heap knows it by its messageId and must not count it again. */
  readonly isRepeat?: true;
}

import type { Adjustments } from './adjustments.js';
import type { Operation } from './batching/operation.js';
import type { DropReason, RejectionReason } from './reasons.js';

/** What one event became. */
export type TransformResult =
  | { readonly outcome: 'mapped'; readonly operations: readonly Operation[]; readonly adjustments: Adjustments }
  | { readonly outcome: 'rejected'; readonly reason: RejectionReason; readonly detail: string }
  | { readonly outcome: 'dropped'; readonly reason: DropReason };

import type { DeliveryObserver } from '../../../src/core/delivery/delivery-observer.js';

/** Hears nothing. */
export const deafObserver: DeliveryObserver = {
  onReply: () => undefined,
  onWait: () => undefined,
  onTransition: () => undefined,
  onPaused: () => undefined,
  onLaneBreaker: () => undefined,
  onHostBreaker: () => undefined,
  onRetry: () => undefined,
  onSplit: () => undefined,
  onSearched: () => undefined,
  onDelivered: () => undefined,
  onFault: () => undefined,
};

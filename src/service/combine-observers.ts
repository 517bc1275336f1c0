import type { DeliveryObserver } from '../core/delivery/delivery-observer.js';

/** One observer that tells all of these, in their order. */
export function combineObservers(...observers: readonly DeliveryObserver[]): DeliveryObserver {
  return {
    onReply: (...args) => {
      for (const observer of observers) observer.onReply(...args);
    },
    onWait: (...args) => {
      for (const observer of observers) observer.onWait(...args);
    },
    onTransition: (...args) => {
      for (const observer of observers) observer.onTransition(...args);
    },
    onPaused: (...args) => {
      for (const observer of observers) observer.onPaused(...args);
    },
    onLaneBreaker: (...args) => {
      for (const observer of observers) observer.onLaneBreaker(...args);
    },
    onHostBreaker: (...args) => {
      for (const observer of observers) observer.onHostBreaker(...args);
    },
    onRetry: (...args) => {
      for (const observer of observers) observer.onRetry(...args);
    },
    onSplit: (...args) => {
      for (const observer of observers) observer.onSplit(...args);
    },
    onSearched: (...args) => {
      for (const observer of observers) observer.onSearched(...args);
    },
    onDelivered: (...args) => {
      for (const observer of observers) observer.onDelivered(...args);
    },
    onFault: (...args) => {
      for (const observer of observers) observer.onFault(...args);
    },
  };
}

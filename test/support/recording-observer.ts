import type { DeliveryObserver } from '../../src/core/delivery/delivery-observer.js';

/** What delivery told its observer, as texts: `11 retry 500`, `11 flowing > waiting`. */
export interface Heard {
  readonly waits: readonly string[];
  readonly transitions: readonly string[];
  readonly paused: readonly string[];
  readonly laneBreakers: readonly string[];
  readonly hostBreakers: readonly string[];
  readonly retries: readonly string[];
  readonly splits: readonly number[];
  readonly searches: readonly string[];
  readonly deliveredAfter: readonly string[];
  readonly faults: readonly unknown[];
}

export function recordingObserver(): { readonly observer: DeliveryObserver; readonly heard: Heard } {
  const heard = {
    waits: [] as string[],
    transitions: [] as string[],
    paused: [] as string[],
    laneBreakers: [] as string[],
    hostBreakers: [] as string[],
    retries: [] as string[],
    splits: [] as number[],
    searches: [] as string[],
    deliveredAfter: [] as string[],
    faults: [] as unknown[],
  };
  const observer: DeliveryObserver = {
    onReply: () => undefined,
    onWait: ({ appId }, cause, ms) => heard.waits.push(`${appId} ${cause} ${ms}`),
    onTransition: ({ appId }, from, to) => heard.transitions.push(`${appId} ${from} > ${to}`),
    onPaused: ({ appId }, { signature, rejected, decided }) =>
      heard.paused.push(`${appId} ${rejected}/${decided} ${signature}`),
    onLaneBreaker: ({ appId }, from, to) => heard.laneBreakers.push(`${appId} ${from} > ${to}`),
    onHostBreaker: (host, from, to) => heard.hostBreakers.push(`${host} ${from} > ${to}`),
    onRetry: ({ lane: { appId }, items }) => heard.retries.push(`${appId} ${items.length}`),
    onSplit: ({ items }) => heard.splits.push(items.length),
    onSearched: ({ appId }, kind, requests, culprits) =>
      heard.searches.push(`${appId} ${kind} ${culprits} in ${requests}`),
    onDelivered: (kind, seconds) => heard.deliveredAfter.push(`${kind} ${seconds}`),
    onFault: (error) => heard.faults.push(error),
  };
  return { observer, heard };
}

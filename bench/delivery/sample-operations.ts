import type { LaneTarget, Operation } from '../../src/core/batching/operation.js';
import { toOperation } from '../../src/destinations/heap/to-operation.js';

/** An event's number follows this text and has so many digits. */
export const numberMarker = '"idempotency_key":"bench-';
export const numberDigits = 12;

/** An event of a lane, as the transform leaves it, and what its sender knows it by. */
export interface SampleEvent {
  readonly operation: Operation;
  readonly eventKey: string;
}

/** A visitor sends so many events in a row: a request of 100 is about 20 visitors, however many lanes there are. */
const eventsPerVisit = 5;

/** Visitors of all lanes together. */
const visitors = 40_000;

/**
 * Track events of about 450 bytes with the numbers from `first` on: `burst` of one lane, `burst` of the next and so on,
 * round and round.
 */
export function sampleEvents(
  lanes: readonly LaneTarget[],
  burst: number,
  first: number,
  count: number,
): readonly SampleEvent[] {
  const visitorsPerLane = Math.floor(visitors / lanes.length);
  return Array.from({ length: count }, (_unused, index) => {
    const number = first + index;
    const turn = Math.floor(number / burst);
    const lane = lanes[turn % lanes.length];
    if (lane === undefined) throw new Error('there is no lane');
    const numberInLane = Math.floor(turn / lanes.length) * burst + (number % burst);
    return sampleEvent(lane, number, Math.floor(numberInLane / eventsPerVisit) % visitorsPerLane);
  });
}

export function sampleLanes(count: number): readonly LaneTarget[] {
  return Array.from({ length: count }, (_unused, index) => {
    const appId = String(9_000_000_000 + index);
    return { key: `us:${appId}`, region: 'us', appId };
  });
}

function sampleEvent(lane: LaneTarget, number: number, visitor: number): SampleEvent {
  const id = String(number).padStart(numberDigits, '0');
  const fields = {
    identity: `visitor-${String(visitor).padStart(6, '0')}@shop.example`,
    event: 'Product Added',
    timestamp: new Date(Date.UTC(2026, 0, 1) + number * 10).toISOString(),
    idempotency_key: `bench-${id}`,
    properties: {
      product_id: `SKU-${id}`,
      name: 'Running shoe',
      price: 39.95 + (number % 10),
      quantity: 1 + (number % 3),
      currency: 'EUR',
      is_sale: 'true',
      url: `https://shop.example/shoes/running/${id}?color=blue`,
      title: 'Running shoe · Shoes and more',
      referrer: 'https://search.example/?q=running+shoes',
      campaign: 'spring',
    },
  };
  return { operation: toOperation(lane, 'track', fields, JSON.stringify(fields)), eventKey: `track bench-${id}` };
}

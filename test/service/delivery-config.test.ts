import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { completeDelivery, defaultDeliveryConfig, type DeliverySettings } from '../../src/service/delivery-config.js';
import { deliveryFaults } from '../../src/service/delivery-faults.js';
import { toDeliveryPolicy } from '../../src/service/delivery-policy.js';
import { defaultBatchingConfig } from '../../src/service/service-config.js';

function faultsOf(settings: DeliverySettings): readonly string[] {
  return deliveryFaults(completeDelivery(settings)).map(({ path, message }) => `${path.join('.')} ${message}`);
}

describe('the settings of delivery', () => {
  it('are the defaults where nothing is given', () => {
    expect(completeDelivery()).toEqual(defaultDeliveryConfig);
    expect(faultsOf({})).toEqual([]);
  });

  it('keep the defaults of what is not given inside a group', () => {
    const { breaker, rateLimits, poison } = completeDelivery({
      breaker: { failures: 2 },
      rateLimits: { eventsPerAppPerMinute: null },
      poison: { share: 1 },
    });
    expect(breaker).toEqual({ ...defaultDeliveryConfig.breaker, failures: 2 });
    expect(rateLimits).toEqual({ ...defaultDeliveryConfig.rateLimits, eventsPerAppPerMinute: null });
    expect(poison).toEqual({ ...defaultDeliveryConfig.poison, share: 1 });
  });

  it('can not be changed once they are complete, the groups neither', () => {
    const config = completeDelivery({ breaker: { failures: 2 } });
    expect(Object.isFrozen(config)).toBe(true);
    for (const value of Object.values(config)) expect(Object.isFrozen(value)).toBe(true);
  });

  it('may have any number of sockets from two on without a word about the rest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 100_000 }), (maxSockets) => {
        expect(faultsOf({ maxSockets })).toEqual([]);
        const { maxSlowSockets, adaptiveConcurrency } = completeDelivery({ maxSockets });
        expect(maxSlowSockets).toBeGreaterThanOrEqual(1);
        expect(maxSlowSockets).toBeLessThanOrEqual(64);
        expect(adaptiveConcurrency.initial).toBeLessThanOrEqual(maxSockets - maxSlowSockets);
        expect(adaptiveConcurrency.min).toBeLessThanOrEqual(adaptiveConcurrency.initial);
      }),
    );
    expect(completeDelivery({ maxSockets: 64 })).toMatchObject({
      maxSlowSockets: 16,
      adaptiveConcurrency: { initial: 16 },
    });
    expect(completeDelivery({ maxSockets: 8 })).toMatchObject({
      maxSlowSockets: 2,
      adaptiveConcurrency: { initial: 6 },
    });
  });

  it.each<[DeliverySettings, readonly string[]]>([
    [
      { maxSockets: 10, maxSlowSockets: 10 },
      ['delivery.maxSlowSockets must be less than delivery.maxSockets (10), of which they are part'],
    ],
    [
      { maxSlowSockets: 300 },
      ['delivery.maxSlowSockets must be less than delivery.maxSockets (256), of which they are part'],
    ],
    [
      { maxSockets: 20, maxSlowSockets: 10, adaptiveConcurrency: { initial: 11 } },
      [
        'delivery.adaptiveConcurrency.initial must be at most what delivery.maxSockets leaves beside delivery.maxSlowSockets (10)',
      ],
    ],
    [
      { maxSockets: 20, maxSlowSockets: 10, adaptiveConcurrency: { min: 11, initial: 11 } },
      [
        'delivery.adaptiveConcurrency.min must be at most what delivery.maxSockets leaves beside delivery.maxSlowSockets (10)',
        'delivery.adaptiveConcurrency.initial must be at most what delivery.maxSockets leaves beside delivery.maxSlowSockets (10)',
      ],
    ],
    [
      { adaptiveConcurrency: { min: 8, initial: 4 } },
      ['delivery.adaptiveConcurrency.initial must be at least delivery.adaptiveConcurrency.min (8)'],
    ],
    [{ breaker: { baseMs: 70_000 } }, ['delivery.breaker.maxMs must be at least delivery.breaker.baseMs (70000)']],
    [
      { hostBreaker: { maxMs: 999 } },
      ['delivery.hostBreaker.maxMs must be at least delivery.hostBreaker.baseMs (1000)'],
    ],
    [{ poison: { window: 49 } }, ['delivery.poison.atLeast must be at most delivery.poison.window (49)']],
  ])('with %j are told apart from right ones by the name of the key', (settings, faults) => {
    expect(faultsOf(settings)).toEqual(faults);
  });

  it('that move the least concurrency up take the first one with it', () => {
    expect(faultsOf({ adaptiveConcurrency: { min: 20 } })).toEqual([]);
    expect(completeDelivery({ adaptiveConcurrency: { min: 20 } }).adaptiveConcurrency.initial).toBe(20);
  });

  it('that move the first concurrency down take the least one with it', () => {
    expect(faultsOf({ adaptiveConcurrency: { initial: 4 } })).toEqual([]);
    expect(completeDelivery({ adaptiveConcurrency: { initial: 4 } }).adaptiveConcurrency.min).toBe(4);
  });
});

describe('the policy of delivery', () => {
  it('says what the default settings mean', () => {
    expect(toDeliveryPolicy(defaultBatchingConfig, defaultDeliveryConfig)).toEqual({
      lane: {
        batch: { maxItems: 1_000, maxBytes: 4_194_304 },
        lingerMs: 250,
        maxAgeMs: 604_800_000,
        maxAttempts: Infinity,
        concurrency: 8,
        retry: { baseMs: 500, capMs: 60_000, maxRetryAfterMs: 300_000, haltedMs: 60_000 },
        breaker: { failures: 5, timeouts: 3, lanes: 1, baseMs: 1_000, capMs: 60_000 },
        poison: { share: 0.3, atLeast: 50, window: 200 },
        rateLimits: {
          track: {
            perLane: { max: 15_000, windowMs: 60_000 },
            perKey: { max: 1_000, windowMs: 60_000, per: 'item' },
          },
          addUserProperties: { perKey: { max: 30, windowMs: 30_000, per: 'request' } },
          identify: { perKey: { max: 30, windowMs: 30_000, per: 'request' } },
        },
      },
      host: {
        concurrency: { min: 16, initial: 16, max: 192, decreaseRatio: 0.75, failureShare: 0.2, latencyFactor: 2 },
        maxSlow: 64,
        breaker: { failures: 10, timeouts: 10, lanes: 3, baseMs: 1_000, capMs: 10_000 },
        budget: { ratio: 0.2, perSecond: 10, burst: 100 },
      },
      maxInFlightBytes: 67_108_864,
    });
  });

  it('has a number of attempts where the settings have one', () => {
    expect(toDeliveryPolicy(defaultBatchingConfig, completeDelivery({ maxAttempts: 5 })).lane.maxAttempts).toBe(5);
  });
});

import { describe, expect, it } from '@jest/globals';

import { InFlightBytes } from '../../../src/core/delivery/in-flight-bytes.js';

describe('the bytes in flight', () => {
  it('are full from the request on that reaches the bound, and not before', () => {
    const bytes = new InFlightBytes(100);
    bytes.add(60);
    expect(bytes.isFull).toBe(false);
    bytes.add(40);
    expect(bytes.isFull).toBe(true);
    bytes.remove(60);
    expect(bytes.isFull).toBe(false);
  });

  it('let one request start, however large it is', () => {
    const bytes = new InFlightBytes(100);
    expect(bytes.isFull).toBe(false);
    bytes.add(10_000);
    expect(bytes.isFull).toBe(true);
    bytes.remove(10_000);
    expect(bytes.isFull).toBe(false);
  });

  it('tell everybody when there is room again, once', () => {
    const bytes = new InFlightBytes(100);
    const told: string[] = [];
    bytes.onRoom(() => told.push('us'));
    bytes.onRoom(() => told.push('eu'));
    bytes.add(80);
    bytes.remove(10);
    expect(told).toEqual([]);
    bytes.add(100);
    bytes.remove(20);
    expect(told).toEqual([]);
    bytes.remove(100);
    expect([...told].sort()).toEqual(['eu', 'us']);
    bytes.remove(50);
    expect(told).toHaveLength(2);
  });

  it('offer the room to another one first each time, so that nobody takes it all for ever', () => {
    const bytes = new InFlightBytes(1);
    const taken: string[] = [];
    for (const name of ['us', 'eu', 'ap']) {
      bytes.onRoom(() => {
        if (bytes.isFull) return;
        taken.push(name);
        bytes.add(1);
      });
    }
    bytes.add(1);
    for (let turn = 0; turn < 6; turn += 1) bytes.remove(1);
    expect(new Set(taken.slice(0, 3))).toEqual(new Set(['us', 'eu', 'ap']));
    expect(new Set(taken.slice(3))).toEqual(new Set(['us', 'eu', 'ap']));
  });
});

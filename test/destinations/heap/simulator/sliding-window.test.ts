import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeyedWindows } from '../../../../src/destinations/heap/simulator/keyed-windows.js';
import { SlidingWindow } from '../../../../src/destinations/heap/simulator/sliding-window.js';

const limit = { max: 10, windowMs: 100 };

describe('SlidingWindow', () => {
  it('agrees with counting everything again, whatever the arrivals', () => {
    // Long enough that the window drops its expired entries several times.
    const arrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 12 })), {
      minLength: 200,
      maxLength: 400,
    });
    fc.assert(
      fc.property(arrivals, (steps) => {
        const window = new SlidingWindow(limit);
        const admitted: { time: number; count: number }[] = [];
        let now = 0;
        for (const [pause, count] of steps) {
          now += pause;
          const recent = admitted.filter(({ time }) => time > now - limit.windowMs);
          const fits = recent.reduce((sum, entry) => sum + entry.count, count) <= limit.max;
          expect(window.waitMs(count, now) === 0).toBe(fits);
          if (!fits) continue;
          window.add(count, now);
          admitted.push({ time: now, count });
        }
      }),
    );
  });

  it('says exactly how long to wait', () => {
    const window = new SlidingWindow(limit);
    window.add(4, 0);
    window.add(6, 30);
    expect(window.waitMs(4, 40)).toBe(60);
    expect(window.waitMs(5, 40)).toBe(90);
    expect(window.waitMs(4, 99)).toBe(1);
    expect(window.waitMs(4, 100)).toBe(0);
    expect(window.waitMs(11, 1000)).toBe(100);
  });
});

describe('KeyedWindows', () => {
  it('remembers a window for at least its length and forgets idle ones', () => {
    const windows = new KeyedWindows(limit);
    windows.window('a', 99).add(10, 99);
    expect(windows.window('a', 198).waitMs(1, 198)).toBe(1);
    for (let n = 0; n < 1000; n++) windows.window(`user ${n}`, 200 + n * 10);
    expect(windows.size).toBeLessThan(25);
  });
});

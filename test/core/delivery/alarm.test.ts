import { describe, expect, it } from '@jest/globals';

import { Alarm } from '../../../src/core/delivery/alarm.js';
import { VirtualClock } from '../../support/virtual-clock.js';

function alarmed() {
  const clock = new VirtualClock(0);
  const rung: number[] = [];
  const alarm = new Alarm(clock, () => rung.push(clock.monotonic()));
  return { clock, rung, alarm };
}

describe('an alarm', () => {
  it('rings once, at its moment', async () => {
    const { clock, rung, alarm } = alarmed();
    alarm.ringIn(100);
    expect(alarm.at).toBe(100);
    await clock.advance(99);
    expect(rung).toEqual([]);
    await clock.advance(1_000);
    expect([rung, alarm.at, clock.sleeping]).toEqual([[100], undefined, 0]);
  });

  it('rings at the earliest of the moments that it was set for, and only then', async () => {
    const { clock, rung, alarm } = alarmed();
    for (const ms of [300, 100, 200]) alarm.ringIn(ms);
    expect(clock.sleeping).toBe(1);
    await clock.runOut();
    expect(rung).toEqual([100]);
  });

  it('can be set again by what it rings for', async () => {
    const clock = new VirtualClock(0);
    const rung: number[] = [];
    const alarm: Alarm = new Alarm(clock, () => {
      rung.push(clock.monotonic());
      if (rung.length < 3) alarm.ringIn(50);
    });
    alarm.ringIn(10);
    await clock.runOut();
    expect(rung).toEqual([10, 60, 110]);
  });

  it('never rings once it is cancelled, nor for Infinity, and leaves no timer', async () => {
    const { clock, rung, alarm } = alarmed();
    alarm.ringIn(100);
    alarm.cancel();
    alarm.ringIn(Infinity);
    alarm.cancel();
    expect([alarm.at, clock.sleeping]).toEqual([undefined, 0]);
    await clock.advance(1_000);
    expect(rung).toEqual([]);
    alarm.ringIn(5);
    await clock.runOut();
    expect(rung).toEqual([1_005]);
  });
});

import { describe, expect, it } from '@jest/globals';

import { LaneQueues } from '../../../../src/core/store/postgres/lane-queues.js';
import { settled } from '../../../support/virtual-clock.js';

interface Run {
  readonly lane: string;
  readonly calls: readonly number[];
  finish(): void;
  fail(error: Error): void;
}

function start(): { readonly queues: LaneQueues<number, string>; readonly runs: readonly Run[] } {
  const runs: Run[] = [];
  const queues = new LaneQueues<number, string>((lane, calls) => {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        resolve(calls.map((call) => `${lane}${call}`));
      };
      runs.push({ lane, calls, finish, fail: reject });
    });
  });
  return { queues, runs };
}

describe('the queues of lanes', () => {
  it('make the calls of one moment, and those that came meanwhile, in one transaction each', async () => {
    const { queues, runs } = start();
    const first = [queues.push('a', 1, 1), queues.push('a', 2, 1)];
    await settled();
    const second = [queues.push('a', 3, 1), queues.push('a', 4, 1)];
    await settled();
    expect(runs.map(({ calls }) => calls)).toEqual([[1, 2]]);
    runs[0]?.finish();
    expect(await Promise.all(first)).toEqual(['a1', 'a2']);
    await settled();
    expect(runs.map(({ calls }) => calls)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    runs[1]?.finish();
    expect(await Promise.all(second)).toEqual(['a3', 'a4']);
    await queues.drain();
  });

  it('do not let lanes wait for each other', async () => {
    const { queues, runs } = start();
    const calls = [queues.push('a', 1, 1), queues.push('b', 2, 1)];
    await settled();
    runs[1]?.finish();
    expect(await calls[1]).toBe('b2');
    runs[0]?.finish();
    await queues.drain();
  });

  it('go on after a transaction that failed', async () => {
    const { queues, runs } = start();
    const first = queues.push('a', 1, 1);
    await settled();
    const second = queues.push('a', 2, 1);
    runs[0]?.fail(new Error('no'));
    await expect(first).rejects.toThrow('no');
    await settled();
    runs[1]?.finish();
    expect(await second).toBe('a2');
  });

  it('bound what is in a transaction, but for its first call', async () => {
    const { queues, runs } = start();
    const mebibyte = 2 ** 20;
    for (const [call, bytes] of [20, 1, 6, 2, 1].entries()) void queues.push('a', call, bytes * mebibyte);
    for (let run = 0; run < 3; run += 1) {
      await settled();
      runs[run]?.finish();
    }
    await queues.drain();
    expect(runs.map(({ calls }) => calls)).toEqual([[0], [1, 2], [3, 4]]);
  });
});

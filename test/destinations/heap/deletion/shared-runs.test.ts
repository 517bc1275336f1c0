import { getEventListeners } from 'node:events';

import { describe, expect, it } from '@jest/globals';

import { SharedRuns } from '../../../../src/destinations/heap/deletion/shared-runs.js';
import { settled } from '../../../support/virtual-clock.js';

interface StartedRun {
  readonly signal: AbortSignal;
  readonly finish: (outcome: string) => void;
  readonly fail: (error: Error) => void;
}

/** Runs that end when the test says so. */
class Runs {
  readonly started: StartedRun[] = [];
  readonly shared = new SharedRuns<string>();

  join(signal: AbortSignal = new AbortController().signal, key = 'key'): Promise<string> {
    const work = (runSignal: AbortSignal): Promise<string> =>
      new Promise((finish, fail) => this.started.push({ signal: runSignal, finish, fail }));
    return this.shared.join(key, work, signal);
  }
}

describe('shared runs', () => {
  it('are one for everybody who asks meanwhile, and another for who asks later', async () => {
    const runs = new Runs();
    const askers = [runs.join(), runs.join(), runs.join()];
    await settled();
    runs.started[0]?.finish('done');
    expect(await Promise.all(askers)).toEqual(['done', 'done', 'done']);
    expect(runs.started).toHaveLength(1);
    void runs.join();
    await settled();
    expect(runs.started).toHaveLength(2);
  });

  it('are apart for different keys', async () => {
    const runs = new Runs();
    void runs.join(undefined, 'a');
    void runs.join(undefined, 'b');
    await settled();
    expect(runs.started).toHaveLength(2);
  });

  it('go on while one of the askers stays, and stop when the last has left', async () => {
    const runs = new Runs();
    const leavers = [new AbortController(), new AbortController()];
    const askers = leavers.map(({ signal }) => runs.join(signal));
    await settled();
    leavers[0]?.abort();
    expect(await askers[0]).toBe('left');
    expect(runs.started[0]?.signal.aborted).toBe(false);
    leavers[1]?.abort();
    expect(await askers[1]).toBe('left');
    expect(runs.started[0]?.signal.aborted).toBe(true);
  });

  it('never overlap: who comes while an abandoned one is ending waits for its end', async () => {
    const runs = new Runs();
    const leaver = new AbortController();
    const left = runs.join(leaver.signal);
    await settled();
    leaver.abort();
    await left;
    const comers = [runs.join(), runs.join()];
    await settled();
    expect(runs.started).toHaveLength(1);
    runs.started[0]?.fail(new Error('broken off'));
    await settled();
    expect(runs.started).toHaveLength(2);
    runs.started[1]?.finish('done');
    expect(await Promise.all(comers)).toEqual(['done', 'done']);
  });

  it('are not begun for somebody who has left before', async () => {
    const runs = new Runs();
    expect(await runs.join(AbortSignal.abort())).toBe('left');
    expect(runs.started).toHaveLength(0);
  });

  it('hand a fault of the code to everybody, and do not keep it', async () => {
    const runs = new Runs();
    const askers = [runs.join(), runs.join()];
    await settled();
    runs.started[0]?.fail(new Error('a bug'));
    for (const asker of askers) await expect(asker).rejects.toThrow('a bug');
    void runs.join();
    await settled();
    expect(runs.started).toHaveLength(2);
  });

  it('leave nothing behind on the signal', async () => {
    const runs = new Runs();
    const { signal } = new AbortController();
    const asker = runs.join(signal);
    await settled();
    runs.started[0]?.finish('done');
    await asker;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../../src/core/clock.js';
import { BackfillStopped } from '../../../src/service/backfill/backfill-stopped.js';
import type { BackfillTarget, TargetOutcome } from '../../../src/service/backfill/backfill-target.js';
import type { Checkpoint } from '../../../src/service/backfill/checkpoint.js';
import { runBackfill, type BackfillJob, type BackfillResult } from '../../../src/service/backfill/run-backfill.js';
import { connectionOf } from './connection-of.js';

let folder: string;
let target: RecordingTarget;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-backfill-'));
  target = new RecordingTarget();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Settles each event as a test says, when it is put. */
class RecordingTarget implements BackfillTarget {
  readonly waitingFor = undefined;
  readonly ids: string[] = [];
  isStopped = false;
  /** Undefined: the event stays open. */
  outcomeOf: (id: string) => TargetOutcome | undefined = () => ({ type: 'taken' });

  put(
    { value }: Parameters<BackfillTarget['put']>[0],
    _bytes: number,
    onSettled: (outcome: TargetOutcome) => void,
  ): undefined {
    const id = value.messageId as string;
    const outcome = this.outcomeOf(id);
    this.ids.push(id);
    if (outcome !== undefined) onSettled(outcome);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.isStopped = true;
    return Promise.resolve();
  }
}

function line(id: number, fields: object = {}): string {
  const event = {
    type: 'track',
    userId: 'ann',
    event: 'Paid',
    messageId: `m-${id}`,
    timestamp: '2024-03-10',
    ...fields,
  };
  return JSON.stringify(event);
}

function write(lines: readonly string[], name = 'file'): void {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
}

function run(options: Partial<BackfillJob> = {}): Promise<BackfillResult> {
  return runBackfill({
    ...{ file: join(folder, 'file'), checkpoint: join(folder, 'checkpoint'), rejects: join(folder, 'rejects') },
    ...{ connection: connectionOf(), destination: 'somewhere', openTarget: () => Promise.resolve(target) },
    ...{ restart: false, takesMissingTimes: false, maxRejects: Infinity, maxEventLength: 10_000 },
    ...{ clock: systemClock, signal: new AbortController().signal, onProgress: () => undefined },
    ...options,
  });
}

function checkpoint(): Checkpoint {
  return JSON.parse(readFileSync(join(folder, 'checkpoint'), 'utf8')) as Checkpoint;
}

function rejectedLines(): readonly number[] {
  const texts = readFileSync(join(folder, 'rejects'), 'utf8').split('\n').slice(0, -1);
  return texts.map((text) => (JSON.parse(text) as { line: number }).line);
}

describe('a backfill', () => {
  it('brings every event, passes blank lines over, and counts what it rejects, drops and finds repeated', async () => {
    write([line(1), '', line(2), 'no json', line(3), line(4, { userId: 'null' }), line(5)]);
    target.outcomeOf = (id) => ({ type: id === 'm-3' ? 'repeat' : 'taken' });
    expect(await run()).toEqual({
      outcome: 'finished',
      why: '',
      counts: {
        ...{ lines: 7, blank: 1, taken: 3, repeats: 1, dropped: {} },
        rejected: { json_malformed: 1, identity_placeholder: 1 },
      },
    });
    expect(target.ids).toEqual(['m-1', 'm-2', 'm-3', 'm-5']);
    expect(rejectedLines()).toEqual([4, 6]);
    expect(target.isStopped).toBe(true);
  });

  it('that is finished does nothing again, unless it is told to', async () => {
    write([line(1), 'no json']);
    await run();
    expect(await run()).toMatchObject({ outcome: 'finished before', counts: { taken: 1 } });
    expect(target.ids).toHaveLength(1);
    expect(await run({ restart: true })).toMatchObject({ outcome: 'finished', counts: { taken: 1 } });
    expect(target.ids).toHaveLength(2);
    expect(rejectedLines()).toEqual([2]);
  });

  it('goes on behind what is settled, and repeats what is not, with its rejects', async () => {
    write([line(1), 'no json', line(3), line(4), 'no json', line(6)]);
    const signal = new AbortController();
    target.outcomeOf = (id) => {
      if (id === 'm-6') signal.abort();
      return id === 'm-4' ? undefined : { type: 'taken' };
    };
    target.flush = () => Promise.reject(new BackfillStopped('it was interrupted'));
    const first = await run({ signal: signal.signal });
    expect(first).toMatchObject({ outcome: 'stopped', why: 'it was interrupted', counts: { lines: 3, taken: 2 } });
    expect(checkpoint()).toMatchObject({ line: 3, isFinished: false });
    expect(rejectedLines()).toEqual([2]);
    // A reject that was written and is not in the checkpoint, as a kill between the two leaves it.
    writeFileSync(join(folder, 'rejects'), `${readFileSync(join(folder, 'rejects'), 'utf8')}{"line":5,"rea`);

    target = new RecordingTarget();
    expect(await run()).toMatchObject({
      outcome: 'finished',
      counts: { lines: 6, taken: 4, rejected: { json_malformed: 2 } },
    });
    expect(target.ids).toEqual(['m-4', 'm-6']);
    expect(rejectedLines()).toEqual([2, 5]);
  });

  it('stops at as many rejects as it is told, and goes on when more are allowed', async () => {
    write(['a', line(2), 'b', line(4), 'c', line(6)]);
    const stopped = await run({ maxRejects: 2 });
    expect(stopped).toMatchObject({
      outcome: 'stopped',
      why: expect.stringContaining('2 events were rejected'),
      counts: { lines: 3 },
    });
    expect(await run({ maxRejects: 4 })).toMatchObject({ outcome: 'finished', counts: { taken: 3 } });
    expect(target.ids).toEqual(['m-2', 'm-4', 'm-6']);
  });

  it.each<[string, Partial<BackfillJob> | 'other file', RegExp]>([
    ['another file', 'other file', /of another file, or the file has changed/],
    ['another place', { destination: 'elsewhere' }, /of somewhere, not elsewhere/],
    ['another connection', { connection: { ...connectionOf(), id: 'other' } }, /of the connection "main", not "other"/],
  ])('refuses a checkpoint of %s', async (_name, change, message) => {
    write([line(1)]);
    await run();
    if (change === 'other file') write([line(2)]);
    await expect(run(change === 'other file' ? {} : change)).rejects.toThrow(message);
    expect(target.ids).toHaveLength(1);
  });

  it('refuses what is no checkpoint, and rejects that somebody else wrote', async () => {
    write([line(1)]);
    write(['precious'], 'rejects');
    await expect(run()).rejects.toThrow('rejects is there already');
    expect(readFileSync(join(folder, 'rejects'), 'utf8')).toBe('precious\n');
    expect([existsSync(join(folder, 'checkpoint')), target.isStopped]).toEqual([false, true]);
    write(['precious'], 'checkpoint');
    await expect(run()).rejects.toThrow('is no checkpoint of a backfill');
  });

  it('gives events without a time the one at which it began, in later runs too', async () => {
    write([line(1, { timestamp: undefined }), line(2, { timestamp: undefined })]);
    const times: unknown[] = [];
    const signal = new AbortController();
    target.put = ({ value }, _bytes, onSettled) => {
      times.push(value.timestamp);
      if (times.length === 1) signal.abort();
      onSettled({ type: 'taken' });
      return undefined;
    };
    await run({ takesMissingTimes: true, signal: signal.signal });
    await run({ takesMissingTimes: true });
    expect(times).toHaveLength(2);
    expect(times[0]).toBe(times[1]);
    expect(times[0]).toBe(new Date(checkpoint().startedAt).toISOString());
  });

  it('stops when it can not write down how far it came', async () => {
    write([line(1)]);
    const checkpointPath = join(folder, 'nowhere', 'checkpoint');
    const result = await run({ checkpoint: checkpointPath });
    expect(result).toMatchObject({ outcome: 'stopped', why: expect.stringContaining('can not be written down') });
    expect(target.ids).toEqual([]);
  });

  it('does not hold in memory what stands behind an event that takes its time', async () => {
    write([line(0), ...Array.from({ length: 100_050 }, () => '')]);
    let flushes = 0;
    let settle: (outcome: TargetOutcome) => void = () => undefined;
    target.put = (_event, _bytes, onSettled) => {
      settle = onSettled;
      return undefined;
    };
    target.flush = () => {
      flushes += 1;
      settle({ type: 'taken' });
      return Promise.resolve();
    };
    expect(await run()).toMatchObject({ outcome: 'finished', counts: { lines: 100_051 } });
    expect(flushes).toBe(2);
  });
});

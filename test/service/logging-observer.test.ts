import { describe, expect, it } from '@jest/globals';

import type { PlannedRequest } from '../../src/core/batching/plan-requests.js';
import type { DeliveryObserver } from '../../src/core/delivery/delivery-observer.js';
import { loggingObserver } from '../../src/service/logging-observer.js';
import { lane, laneTo } from '../support/operations.js';
import type { LogEntry } from '../support/running-service.js';

interface Setup {
  readonly observer: DeliveryObserver;
  readonly log: readonly LogEntry[];
  /** Lines above the level debug. */
  readonly shown: () => readonly LogEntry[];
  readonly advance: (ms: number) => void;
}

function setUp(): Setup {
  const log: LogEntry[] = [];
  let now = 0;
  const write =
    (level: LogEntry['level']) =>
    (fields: unknown, message?: string): void => {
      log.push({ level, fields, message });
    };
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  return {
    observer: loggingObserver(logger, () => now),
    log,
    shown: () => log.filter(({ level }) => level !== 'debug'),
    advance: (ms) => {
      now += ms;
    },
  };
}

const name = { region: 'us', appId: '11' };
const request: PlannedRequest<unknown> = {
  lane,
  kind: 'track',
  stage: 2,
  path: '/api/track',
  body: '{}',
  bytes: 2,
  items: [{ text: '{}', bytes: 2, entries: [] }],
};

describe('the log of delivery', () => {
  it('says why a lane waits, and for how long', () => {
    const { observer, shown } = setUp();
    observer.onWait(lane, 'retry', 1_234.5, 'HTTP 503 upstream');
    observer.onWait(lane, 'throttled', 5_000, 'HTTP 429');
    observer.onWait(lane, 'lane_limit', 20, '');
    observer.onWait(lane, 'identity_limit', Infinity, '');
    expect(shown()).toEqual([
      {
        level: 'warn',
        fields: { ...name, cause: 'retry', ms: 1_235, detail: 'HTTP 503' },
        message: 'delivery failed; the lane waits before it tries again',
      },
      {
        level: 'warn',
        fields: { ...name, cause: 'throttled', ms: 5_000, detail: 'HTTP 429' },
        message: 'Heap asks the lane to slow down',
      },
      {
        level: 'info',
        fields: { ...name, cause: 'lane_limit', ms: 20, detail: '' },
        message: 'the app has used up its rate limit at Heap',
      },
      {
        level: 'info',
        fields: { ...name, cause: 'identity_limit', ms: null, detail: '' },
        message: 'an identity of the app has used up its rate limit at Heap',
      },
    ]);
  });

  it('says what to do about an app that Heap refuses, as an error', () => {
    const { observer, shown } = setUp();
    observer.onWait(lane, 'halted', 60_000, 'HTTP 401 who are you, ann@example.com?');
    expect(shown()).toEqual([
      {
        level: 'error',
        fields: { ...name, cause: 'halted', ms: 60_000, detail: 'HTTP 401', resume: 'POST /lanes/us/11/resume' },
        message: expect.stringMatching(/check its app_id, region and URL/),
      },
    ]);
  });

  it('says what to do about a lane that is paused, each time', () => {
    const { observer, shown, log } = setUp();
    const finding = { signature: 'HTTP # event: must be Secret', rejected: 61, decided: 200 };
    observer.onPaused(lane, finding);
    observer.onPaused(lane, finding);
    expect(shown()).toEqual(
      [1, 2].map(() => ({
        level: 'error',
        fields: { ...name, rejected: 61, decided: 200, resume: 'POST /lanes/us/11/resume' },
        message: expect.stringMatching(/paused: look at it, mend the cause, resume it$/),
      })),
    );
    expect(log).toContainEqual(
      expect.objectContaining({ level: 'debug', fields: { ...name, signature: finding.signature } }),
    );
  });

  it('is not flooded by a lane that waits over and over: one line a minute for each cause says how many more there were', () => {
    const { observer, shown, advance } = setUp();
    for (let second = 0; second < 150; second += 1) {
      observer.onWait(lane, 'throttled', 1_000, 'HTTP 429');
      advance(1_000);
    }
    expect(shown().map(({ fields }) => fields)).toEqual([
      { ...name, cause: 'throttled', ms: 1_000, detail: 'HTTP 429' },
      { ...name, cause: 'throttled', ms: 1_000, detail: 'HTTP 429', leftOut: 59 },
      { ...name, cause: 'throttled', ms: 1_000, detail: 'HTTP 429', leftOut: 59 },
    ]);
  });

  it('does not leave out one lane for another, nor one cause', () => {
    const { observer, shown } = setUp();
    for (const target of [lane, laneTo('22')]) {
      for (const cause of ['retry', 'throttled'] as const) observer.onWait(target, cause, 1, '');
    }
    expect(shown()).toHaveLength(4);
  });

  it('says that a lane flows again where it said that it did not', () => {
    const { observer, shown, advance } = setUp();
    for (let second = 0; second < 120; second += 1) {
      observer.onTransition(lane, 'flowing', 'waiting');
      observer.onWait(lane, 'retry', 1, 'timeout: late');
      observer.onTransition(lane, 'waiting', 'flowing');
      advance(1_000);
    }
    expect(shown().map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'delivery failed; the lane waits before it tries again'],
      ['info', 'the lane flows again'],
      ['warn', 'delivery failed; the lane waits before it tries again'],
      ['info', 'the lane flows again'],
    ]);
  });

  it('says of breakers that they opened and that they closed, each once however often they try', () => {
    const { observer, shown, advance } = setUp();
    for (let time = 0; time < 5; time += 1) {
      observer.onHostBreaker('heap.test', time === 0 ? 'closed' : 'halfOpen', 'open');
      observer.onLaneBreaker(lane, time === 0 ? 'closed' : 'halfOpen', 'open');
      advance(1_000);
      observer.onHostBreaker('heap.test', 'open', 'halfOpen');
      observer.onLaneBreaker(lane, 'open', 'halfOpen');
    }
    observer.onHostBreaker('heap.test', 'halfOpen', 'closed');
    observer.onLaneBreaker(lane, 'halfOpen', 'closed');
    expect(shown()).toEqual([
      expect.objectContaining({ level: 'warn', fields: { host: 'heap.test', state: 'open' } }),
      expect.objectContaining({ level: 'warn', fields: { ...name, state: 'open' } }),
      expect.objectContaining({ level: 'warn', fields: { host: 'heap.test', state: 'closed' } }),
      expect.objectContaining({ level: 'warn', fields: { ...name, state: 'closed' } }),
    ]);
  });

  it('has nothing above the level debug for any single request', () => {
    const { observer, shown, log } = setUp();
    observer.onReply(request, { type: 'answer', status: 400, body: 'ann@example.com is bad' }, 0.1);
    observer.onRetry(request);
    observer.onSplit(request);
    observer.onDelivered('track', 1);
    observer.onTransition(lane, 'flowing', 'throttled');
    expect(shown()).toEqual([]);
    expect(JSON.stringify(log)).toContain('ann@example.com is bad');
  });

  it('sums up what was searched', () => {
    const { observer, shown, advance } = setUp();
    for (let time = 0; time < 3; time += 1) observer.onSearched(lane, 'track', 13, 1);
    advance(60_000);
    observer.onSearched(lane, 'track', 40, 6);
    expect(shown().map(({ level, fields }) => [level, fields])).toEqual([
      ['warn', { ...name, kind: 'track', requests: 13, culprits: 1 }],
      ['warn', { ...name, kind: 'track', requests: 40, culprits: 6, leftOut: 2 }],
    ]);
  });

  it('has the faults of this service', () => {
    const { observer, shown } = setUp();
    const error = new Error('a fault');
    observer.onFault(error);
    expect(shown()).toEqual([{ level: 'error', fields: { err: error }, message: expect.any(String) }]);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { laneStates, type LaneSnapshot, type LaneState } from '../../../src/core/delivery/lane-snapshot.js';
import { lanesPage, readLaneFilter, type LaneFilter } from '../../../src/http/operator/lanes-page.js';
import { hostSnapshot, laneSnapshot } from '../../support/snapshots.js';

const everything: LaneFilter = { states: undefined, region: undefined, appId: undefined, limit: 1_000 };

function namesOf(lanes: readonly LaneSnapshot[], filter: Partial<LaneFilter> = {}): readonly string[] {
  const page = lanesPage({ lanes, hosts: [] }, { ...everything, ...filter });
  return page.lanes.map(({ region, appId }) => `${region}/${appId}`);
}

function filterOf(query: string): unknown {
  const read = readLaneFilter(new URLSearchParams(query));
  return read.ok ? read.filter : read.message;
}

const anyLane = fc
  .record({
    region: fc.constantFrom('us', 'eu'),
    appId: fc.nat(30).map(String),
    state: fc.constantFrom(...laneStates),
    backlog: fc.nat(3),
  })
  .map((fields) => laneSnapshot(fields));
const anyLanes = fc.uniqueArray(anyLane, { selector: ({ region, appId }) => `${region}/${appId}` });

describe('the lanes of the operator port', () => {
  it('come worst first: by state, then by backlog, then by name', () => {
    const states: readonly LaneState[] = [
      'idle',
      'limited',
      'sending',
      'waiting',
      'paused',
      'throttled',
      'halted',
      'open',
    ];
    const lanes = states.map((state, index) => laneSnapshot({ appId: state, state, backlog: index === 2 ? 9 : 1 }));
    expect(namesOf(lanes)).toEqual([
      'us/paused',
      'us/halted',
      'us/open',
      'us/throttled',
      'us/waiting',
      'us/limited',
      'us/sending',
      'us/idle',
    ]);
    const alike = [
      laneSnapshot({ appId: '2', backlog: 1 }),
      laneSnapshot({ appId: '1', backlog: 1 }),
      laneSnapshot({ appId: '3', backlog: 5, state: 'sending' }),
      laneSnapshot({ appId: '2', backlog: 1, region: 'eu' }),
    ];
    expect(namesOf(alike)).toEqual(['us/3', 'eu/2', 'us/1', 'us/2']);
  });

  it('come in the same order, whatever order they are kept in', () => {
    fc.assert(
      fc.property(anyLanes, fc.infiniteStream(fc.nat()), (lanes, keys) => {
        const shuffled = lanes
          .map((lane) => [keys.next().value, lane] as const)
          .sort(([a], [b]) => Number(a) - Number(b))
          .map(([, lane]) => lane);
        expect(namesOf(shuffled)).toEqual(namesOf(lanes));
      }),
    );
  });

  it('are as many as the limit says, the worst of them, with the number of all that match', () => {
    fc.assert(
      fc.property(anyLanes, fc.integer({ min: 1, max: 10 }), (lanes, limit) => {
        const whole = lanesPage({ lanes, hosts: [] }, everything);
        const page = lanesPage({ lanes, hosts: [] }, { ...everything, limit });
        expect(page.total).toBe(lanes.length);
        expect(page.lanes).toEqual(whole.lanes.slice(0, limit));
      }),
    );
  });

  it('are those that every filter lets through', () => {
    fc.assert(
      fc.property(anyLanes, fc.subarray([...laneStates]), (lanes, states) => {
        const page = lanesPage({ lanes, hosts: [] }, { ...everything, states, region: 'us' });
        expect(page.total).toBe(lanes.filter((lane) => lane.region === 'us' && states.includes(lane.state)).length);
        expect(page.lanes.every((lane) => lane.region === 'us' && states.includes(lane.state))).toBe(true);
      }),
    );
    const lanes = [
      laneSnapshot({ appId: '1' }),
      laneSnapshot({ appId: '11' }),
      laneSnapshot({ appId: '1', region: 'eu' }),
    ];
    expect(namesOf(lanes, { appId: '1' })).toEqual(['eu/1', 'us/1']);
  });

  it('leave the snapshot that they are made of as it is', () => {
    const lanes = Object.freeze([laneSnapshot({ appId: '2' }), laneSnapshot({ appId: '1' })]);
    expect(namesOf(lanes)).toEqual(['us/1', 'us/2']);
  });

  it('say what the snapshot says, in whole milliseconds, with all hosts', () => {
    const lane = laneSnapshot({ oldestAgeMs: 12.75, lastError: { detail: 'HTTP 503', agoMs: 3 } });
    const host = hostSnapshot({ host: 'eu.heap.test', latencyMs: 8.97 });
    expect(lanesPage({ lanes: [lane], hosts: [host] }, { ...everything, region: 'us' })).toEqual({
      total: 1,
      lanes: [{ ...lane, oldestAgeMs: 13 }],
      hosts: [{ ...host, latencyMs: 9 }],
    });
  });
});

describe('the query of GET /lanes', () => {
  it.each([
    ['', everything],
    ['state=paused', { ...everything, states: ['paused'] }],
    ['state=paused,halted&region=eu', { ...everything, states: ['paused', 'halted'], region: 'eu' }],
    ['appId=42&limit=1', { ...everything, appId: '42', limit: 1 }],
    ['limit=999999', { ...everything, limit: 999_999 }],
  ])('%s is understood', (query, filter) => {
    expect(filterOf(query)).toEqual(filter);
  });

  it.each([
    ['state=happy', /^"state" is one or more of idle, lingering, queued, .*paused$/],
    ['state=', /^"state" is one or more of/],
    ['state=paused,', /^"state" is one or more of/],
    ['state=paused&state=halted', /^"state" is given more than once$/],
    ['limit=0', /^"limit" is a number from 1 to 999999$/],
    ['limit=1e3', /^"limit" is/],
    ['limit=-1', /^"limit" is/],
    ['limit=1000000', /^"limit" is/],
    ['status=paused', /^there is no parameter "status"; there are state, region, appId, limit$/],
    ['__proto__=1', /^there is no parameter "__proto__"/],
  ])('%s is refused with what would be right', (query, message) => {
    expect(filterOf(query)).toMatch(message);
  });
});

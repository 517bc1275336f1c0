import { afterEach, describe, expect, it } from '@jest/globals';

import type { LaneSnapshot } from '../../src/core/delivery/lane-snapshot.js';
import type { FaultRule } from '../../src/destinations/heap/simulator/fault-rule.js';
import type { LanesPage } from '../../src/http/operator/lanes-page.js';
import { parseExposition } from '../support/documentation.js';
import { ask, basic, ingest } from '../support/http-client.js';
import { appId, startTestService, type ServiceOptions, type TestService } from '../support/running-service.js';

let running: TestService | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(options: ServiceOptions = {}, ...faults: readonly FaultRule[]): Promise<TestService> {
  running = await startTestService(options);
  await setFaults(running, faults);
  return running;
}

async function setFaults({ simulator }: TestService, faults: readonly FaultRule[]): Promise<void> {
  const answer = await ask(`${simulator.url}/_simulator/faults`, { method: 'POST', body: JSON.stringify(faults) });
  expect(answer.status).toBe(200);
}

function tracks(userId: string, ...events: readonly string[]): { readonly batch: readonly unknown[] } {
  return { batch: events.map((event, index) => ({ type: 'track', userId, event, messageId: `${userId} ${index}` })) };
}

async function lanesOf({ operatorUrl }: TestService, query = ''): Promise<LanesPage> {
  const { status, text } = await ask(`${operatorUrl}/lanes${query}`);
  expect(status).toBe(200);
  return JSON.parse(text) as LanesPage;
}

async function laneOf({ operatorUrl }: TestService): Promise<LaneSnapshot> {
  return JSON.parse((await ask(`${operatorUrl}/lanes/us/${appId}`)).text) as LaneSnapshot;
}

/** The lane, once it is as it should be: a state, not a time. */
async function laneOnce(service: TestService, isRight: (lane: LaneSnapshot) => boolean): Promise<LaneSnapshot> {
  for (;;) {
    const lane = await laneOf(service);
    if (isRight(lane)) return lane;
  }
}

async function resume({ operatorUrl }: TestService): Promise<LaneSnapshot> {
  const { status, text } = await ask(`${operatorUrl}/lanes/us/${appId}/resume`, { method: 'POST' });
  expect(status).toBe(200);
  return JSON.parse(text) as LaneSnapshot;
}

async function metricOf({ operatorUrl }: TestService, name: string): Promise<number | undefined> {
  const { samples } = parseExposition((await ask(`${operatorUrl}/metrics`)).text);
  return samples.get(`heap_destination_${name}`);
}

const names = (count: number, name: string): readonly string[] => Array.from({ length: count }, () => name);

describe('a lane of which much is rejected for one reason', () => {
  const broken: FaultRule = {
    match: { itemEvent: 'Broken' },
    action: { status: 400, body: 'colour: no such property' },
  };
  const poison = { atLeast: 10, window: 20 };

  it('is paused, shown with the reason, and goes on when a person resumes it', async () => {
    const service = await start({ server: { answerTimeoutMs: 200 }, delivery: { poison } }, broken);
    const batch = tracks('ann', ...names(30, 'Broken'));
    const first = await ingest(service.dataUrl, '/v1/batch', batch);
    expect([first.status, first.json.error?.reason]).toEqual([503, 'delivery_pending']);
    await laneOnce(service, ({ state, inFlight }) => state === 'paused' && inFlight === 0);

    const { lanes, total } = await lanesOf(service, '?state=paused');
    expect(total).toBe(1);
    expect(lanes).toMatchObject([
      {
        region: 'us',
        appId,
        state: 'paused',
        backlog: 20,
        inFlight: 0,
        nextAttemptMs: null,
        lastError: { detail: 'HTTP 400 colour: no such property' },
        paused: { signature: 'HTTP # colour: no such property', rejected: 10, decided: 10 },
      },
    ]);
    expect(await metricOf(service, 'lanes{state="paused"}')).toBe(1);
    expect(await metricOf(service, 'lanes_paused_total')).toBe(1);
    expect(await metricOf(service, 'lane_transitions_total{from="flowing",to="paused"}')).toBe(1);
    expect(service.log).toContainEqual({
      level: 'error',
      fields: { region: 'us', appId, rejected: 10, decided: 10, resume: `POST /lanes/us/${appId}/resume` },
      message: expect.stringContaining('paused'),
    });
    const health = JSON.parse((await ask(`${service.operatorUrl}/health`)).text) as unknown;
    expect(health).toMatchObject({ status: 'up', backlog: 20, paused: [{ appId, region: 'us' }], halted: [] });

    await setFaults(service, []);
    expect((await resume(service)).paused).toBeNull();
    const again = await ingest(service.dataUrl, '/v1/batch', batch);
    expect([again.status, again.json]).toMatchObject([200, { delivered: 30 }]);
    expect(service.heapEvents()).toHaveLength(30);
    expect((await laneOf(service)).state).toBe('idle');
  });

  it('is not paused for the same reason again, once a person has let it pass', async () => {
    const service = await start({ server: { answerTimeoutMs: 200 }, delivery: { poison } }, broken);
    const batch = tracks('ann', ...names(30, 'Broken'));
    await ingest(service.dataUrl, '/v1/batch', batch);
    await laneOnce(service, ({ state }) => state === 'paused');
    await resume(service);
    await laneOnce(service, ({ backlog }) => backlog === 0);
    expect(await metricOf(service, 'lanes_paused_total')).toBe(1);
    expect(await metricOf(service, 'event_outcomes_total{outcome="rejected",reason="heap_rejected"}')).toBe(30);
  });

  it('does not hold up the lanes of others', async () => {
    const service = await start(
      { server: { answerTimeoutMs: 200 }, delivery: { poison }, others: { second: '222' } },
      broken,
    );
    await ingest(service.dataUrl, '/v1/batch', tracks('ann', ...names(30, 'Broken')));
    await laneOnce(service, ({ state }) => state === 'paused');
    const headers = { authorization: basic('second') };
    const { json } = await ingest(service.dataUrl, '/v1/batch', tracks('bob', 'Fine'), { headers });
    expect(json).toMatchObject({ delivered: 1 });
    expect((await lanesOf(service)).lanes.map(({ state }) => state)).toEqual(['paused', 'idle']);
  });

  it('goes on by itself where the settings say that nothing pauses', async () => {
    const service = await start({ delivery: { poison: { ...poison, share: 1 } } }, broken);
    const { json } = await ingest(service.dataUrl, '/v1/batch', tracks('ann', ...names(30, 'Broken')));
    expect(json).toMatchObject({ rejected: 30 });
  });
});

describe('a lane that Heap refuses', () => {
  it('is shown as halted with the words of Heap, cut, and tries at once when it is resumed', async () => {
    const words = `app is not known ${'x'.repeat(5_000)}`;
    const service = await start(
      { server: { answerTimeoutMs: 100 }, delivery: { haltedRetryMs: 86_400_000 } },
      { match: { appId }, action: { status: 401, body: words } },
    );
    await ingest(service.dataUrl, '/v1/batch', tracks('ann', 'A'));
    const lane = await laneOnce(service, ({ state }) => state === 'halted');
    expect(lane).toMatchObject({ backlog: 1, paused: null });
    expect(lane.nextAttemptMs).toBeGreaterThan(86_000_000);
    expect(lane.lastError?.detail).toBe(`HTTP 401 ${words}`.slice(0, 300));
    expect(await metricOf(service, 'lanes{state="halted"}')).toBe(1);

    await setFaults(service, []);
    await resume(service);
    expect(await laneOnce(service, ({ backlog }) => backlog === 0)).toMatchObject({ state: 'idle' });
    expect(service.heapEvents()).toEqual(['A']);
    expect(service.log).toContainEqual({
      level: 'info',
      fields: { region: 'us', appId, from: 'halted' },
      message: 'the lane flows again',
    });
  });
});

describe('the rate limits of Heap', () => {
  it('are kept for an app: what is over waits, and Heap never has to say so', async () => {
    const service = await start({
      server: { answerTimeoutMs: 200 },
      delivery: { rateLimits: { eventsPerAppPerMinute: 5 } },
      limits: { bulkTrackPerApp: { max: 5, windowMs: 60_000 } },
    });
    const { status, json } = await ingest(service.dataUrl, '/v1/batch', tracks('ann', ...names(8, 'E')));
    expect([status, json.error?.reason]).toEqual([503, 'delivery_pending']);
    const lane = await laneOnce(service, ({ backlog }) => backlog === 3);
    expect(lane).toMatchObject({ state: 'limited', inFlight: 0, allowance: { track: 0 } });
    expect(service.heapEvents()).toHaveLength(5);
    expect(await metricOf(service, 'delivery_waits_total{cause="lane_limit"}')).toBe(1);
    expect(await metricOf(service, 'delivery_wait_seconds_total{cause="lane_limit"}')).toBeGreaterThan(50);
    expect(await metricOf(service, 'heap_requests_total{kind="track",status_class="429"}')).toBe(0);
    expect(await metricOf(service, 'lanes{state="limited"}')).toBe(1);
  });

  it('are kept for each identity alone: the others of the app go on', async () => {
    const service = await start({
      server: { answerTimeoutMs: 200 },
      delivery: { rateLimits: { eventsPerIdentityPerMinute: 2 } },
      limits: { bulkTrackPerIdentity: { max: 2, windowMs: 60_000 } },
    });
    const batch = { batch: [...tracks('ann', 'A1', 'A2', 'A3').batch, ...tracks('bob', 'B1', 'B2').batch] };
    expect((await ingest(service.dataUrl, '/v1/batch', batch)).json.error?.reason).toBe('delivery_pending');
    await laneOnce(service, ({ backlog }) => backlog === 1);
    expect([...service.heapEvents()].sort()).toEqual(['A1', 'A2', 'B1', 'B2']);
    await ingest(service.dataUrl, '/v1/batch', tracks('eve', 'C1'));
    expect(await laneOnce(service, ({ backlog }) => backlog === 1)).toMatchObject({ limitedIdentities: 1 });
    expect(service.heapEvents()).toContain('C1');
    expect(await metricOf(service, 'delivery_waits_total{cause="identity_limit"}')).toBeGreaterThanOrEqual(1);
    expect(await metricOf(service, 'heap_requests_total{kind="track",status_class="429"}')).toBe(0);
  });

  it('may be switched off', async () => {
    const service = await start({
      delivery: { rateLimits: { eventsPerAppPerMinute: null, eventsPerIdentityPerMinute: null } },
      limits: { bulkTrackPerApp: null, bulkTrackPerIdentity: null },
      batching: { maxItems: 1_000 },
    });
    const { json } = await ingest(service.dataUrl, '/v1/batch', tracks('ann', ...names(1_500, 'E')));
    expect(json).toMatchObject({ delivered: 1_500 });
    expect((await laneOf(service)).allowance).toEqual({});
  });
});

describe('delivery that fails', () => {
  it('gives an event up after as many attempts as the settings allow, and says so', async () => {
    const service = await start({ delivery: { maxAttempts: 3 } }, { action: { status: 503, body: 'later' } });
    const { status, json } = await ingest(service.dataUrl, '/v1/batch', tracks('ann', 'A'));
    expect(status).toBe(200);
    expect(json.results).toMatchObject([
      { outcome: 'rejected', reason: 'attempts_exhausted', message: 'HTTP 503 later' },
    ]);
    expect(await metricOf(service, 'heap_requests_total{kind="track",status_class="5xx"}')).toBe(3);
    expect(await metricOf(service, 'heap_request_retries_total{kind="track"}')).toBe(2);
    expect(await metricOf(service, 'event_outcomes_total{outcome="rejected",reason="attempts_exhausted"}')).toBe(1);
  });

  it('shows the host with its breaker, and counts how late what was delivered came', async () => {
    const service = await start({}, { match: { times: 2 }, action: { status: 503 } });
    await ingest(service.dataUrl, '/v1/batch', tracks('ann', 'A', 'B'));
    const { hosts } = await lanesOf(service);
    const { host } = new URL(service.simulator.url);
    expect(hosts).toMatchObject([{ host, breaker: 'closed', inFlight: 0, slow: 0, waitingLanes: 0 }]);
    expect(await metricOf(service, `host_concurrency_limit{host="${host}"}`)).toBe(hosts[0]?.concurrency);
    expect(await metricOf(service, `host_breaker_open{host="${host}"}`)).toBe(0);
    expect(await metricOf(service, 'time_to_delivery_seconds_count{kind="track"}')).toBe(2);
    expect(await metricOf(service, 'delivery_waits_total{cause="retry"}')).toBe(2);
  });

  it('shows when its breaker is open', async () => {
    const service = await start(
      {
        server: { answerTimeoutMs: 100 },
        delivery: { breaker: { failures: 2, baseMs: 86_400_000, maxMs: 86_400_000 } },
      },
      { action: { status: 503 } },
    );
    await ingest(service.dataUrl, '/v1/batch', tracks('ann', 'A'));
    expect(await laneOnce(service, ({ state }) => state === 'open')).toMatchObject({ breaker: 'open', failures: 2 });
    expect(await metricOf(service, 'breaker_transitions_total{scope="lane",state="open"}')).toBe(1);
    await setFaults(service, []);
    await resume(service);
    expect(await laneOnce(service, ({ backlog }) => backlog === 0)).toMatchObject({ breaker: 'closed', state: 'idle' });
  });
});

describe('stopping', () => {
  it('logs what each lane had left, and nothing of the events', async () => {
    const service = await start(
      { server: { shutdownMs: 50, answerTimeoutMs: 60_000 }, others: { second: '222' } },
      { action: { status: 503 } },
    );
    const waiting = [
      ingest(service.dataUrl, '/v1/batch', tracks('ann@example.com', 'Secret', 'Secret')),
      ingest(service.dataUrl, '/v1/batch', tracks('bob', 'Secret'), { headers: { authorization: basic('second') } }),
    ];
    const backlog = async (): Promise<number> =>
      (await lanesOf(service)).lanes.reduce((sum, lane) => sum + lane.backlog, 0);
    while ((await backlog()) < 3);
    expect(await service.service.stop()).toBe(3);
    await Promise.all(waiting);
    const left = service.log.filter(({ message }) => message?.startsWith('not delivered') === true);
    expect(left).toHaveLength(2);
    expect(left).toContainEqual({
      level: 'warn',
      fields: { region: 'us', appId, operations: 2 },
      message: 'not delivered; the senders were told to send them again',
    });
    expect(left.map(({ fields }) => fields)).toContainEqual({ region: 'us', appId: '222', operations: 1 });
    const shown = service.log.filter(({ level }) => level !== 'debug');
    expect(JSON.stringify(shown)).not.toMatch(/ann@example\.com|Secret/);
  });
});

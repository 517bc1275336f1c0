import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { brokenLaws } from '../support/sockets/broken-laws.js';
import { handOn, httpServer, inFrontOf, openGate, type Gate, type Visit } from '../support/sockets/gate.js';
import { startSimulatorProcess, type SimulatorProcess } from '../support/sockets/simulator-process.js';
import { outsideBands, type Band } from '../support/sockets/socket-case.js';
import { planEvents, type EventPlan } from '../support/sockets/socket-events.js';
import { emptyBooks, SocketRun, type RunSettings } from '../support/sockets/socket-run.js';
import { leftOf, until } from '../support/sockets/until.js';

// Processes and sockets take their time on a busy machine.
jest.setTimeout(120_000);

let heap: SimulatorProcess;
let gate: Gate | undefined;

beforeAll(async () => {
  heap = await startSimulatorProcess();
});

beforeEach(async () => {
  await heap.reset();
});

afterEach(async () => {
  await gate?.close();
  gate = undefined;
});

afterAll(async () => {
  await heap.stop();
});

/** A gate in front of Heap, and delivery that takes it for Heap. */
async function startRun(
  behave: (visit: Visit) => Promise<void> | void,
  settings: RunSettings = {},
): Promise<{ readonly gate: Gate; readonly run: SocketRun }> {
  gate = await openGate(httpServer(inFrontOf(heap.url, behave)));
  return { gate, run: new SocketRun(`http://127.0.0.1:${gate.port}`, settings) };
}

async function expectAllDelivered(run: SocketRun, open: Gate): Promise<void> {
  expect(await run.unsettled()).toBe(0);
  expect(run.books).toEqual(emptyBooks);
  expect(await run.close(0)).toEqual([]);
  expect(await leftOf(() => open.connections())).toBe(0);
  expect(run.events.filter(({ outcome }) => outcome?.type !== 'delivered')).toEqual([]);
  expect(await brokenLaws(run, heap)).toEqual([]);
}

const plan: EventPlan = { lanes: 2, users: 5, perUser: 20, signUps: true };

interface Misbehaviour {
  readonly behave: (visit: Visit) => Promise<void> | void;
  readonly replies: Readonly<Record<string, Band>>;
  readonly events?: EventPlan;
  readonly settings?: RunSettings;
}

const tenMegabytes = Buffer.alloc(10 * 1024 * 1024, 'x');
const maxLength = 20_000;

const misbehaviours: Readonly<Record<string, Misbehaviour>> = {
  'closes a kept connection when the next request is on its way': {
    behave: (visit) => (visit.onConnection > 1 ? void visit.request.socket.destroy() : handOn(visit)),
    replies: { network: [1, 10_000] },
  },
  'closes each connection after its answer, and does not say so': {
    behave: async (visit) => {
      const { socket } = visit.request;
      visit.response.once('finish', () => socket.end());
      await handOn(visit);
    },
    replies: { 200: [1, 10_000] },
  },
  'answers in HTTP/1.0, where the end of the connection is the end of the answer': {
    behave: async ({ request, forward, number }) => {
      if (number % 3 === 1) request.socket.end('HTTP/1.0 503 Service Unavailable\r\n\r\nlater');
      else request.socket.end(`HTTP/1.0 ${(await forward()).status} OK\r\n\r\n{}`);
    },
    replies: { 200: [1, 10_000], 503: [1, 10_000] },
  },
  'answers with 10 MB, of success and of failure': {
    behave: async ({ request, response, forward, number }) => {
      if (number % 3 === 1) request.resume();
      else await forward();
      response.writeHead(number % 3 === 1 ? 500 : 200).end(tenMegabytes);
    },
    replies: { 200: [1, 100], 500: [1, 100] },
    events: { lanes: 1, users: 10, perUser: 10 },
  },
  'answers 413 before it has read the body, and hangs up': {
    behave: async (visit) => {
      const { request } = visit;
      if (Number(request.headers['content-length']) <= maxLength) {
        await handOn(visit);
        return;
      }
      request.socket.write('HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig');
      request.socket.destroySoon();
    },
    replies: { 200: [2, 1_000], all: [3, 1_000] },
    events: { lanes: 1, users: 50, perUser: 20 },
    settings: { batching: { lingerMs: 250 } },
  },
};

describe('every event is delivered once, and no connection is left, where Heap', () => {
  it.each(Object.entries(misbehaviours))('%s', async (_name, { behave, replies, events = plan, settings = {} }) => {
    const { gate: open, run } = await startRun(behave, {
      ...settings,
      batching: { maxItems: 20, ...settings.batching },
    });
    run.accept(planEvents(events));
    await expectAllDelivered(run, open);
    expect(outsideBands('replies', run.replies, replies)).toEqual([]);
  });

  it('is gone in the middle, and comes back', async () => {
    const { gate: open, run } = await startRun(handOn, { batching: { maxItems: 20 } });
    const events = planEvents(plan);
    const half = events.length / 2;
    run.accept(events.slice(0, half));
    await until(() => run.events.some(({ settled }) => settled > 0));
    await open.close();
    run.accept(events.slice(half));
    await until(() => run.lanes.every(({ lastError }) => lastError?.detail.includes('ECONNREFUSED') === true));
    expect(run.events.every(({ settled }) => settled > 0)).toBe(false);
    await open.open();
    await expectAllDelivered(run, open);
  });
});

describe('where delivery is closed while Heap hangs', () => {
  it('what is not settled is given back once, and no connection is left', async () => {
    let hanging = 0;
    const { gate: open, run } = await startRun(
      async ({ forward, number }) => {
        // Of what hangs every other request has taken effect.
        if (number % 2 === 0) await forward();
        hanging += 1;
      },
      { batching: { maxItems: 20 } },
    );
    run.accept(planEvents(plan));
    await until(() => hanging > 4);
    expect(await run.close(50)).toEqual([]);
    expect(await leftOf(() => open.connections())).toBe(0);
    expect(run.books).toEqual(emptyBooks);
    expect(run.remaining).toBeGreaterThan(0);
    expect(run.events.filter(({ outcome }) => outcome?.type !== 'abandoned')).toEqual([]);
    expect(await brokenLaws(run, heap)).toEqual([]);
  });
});

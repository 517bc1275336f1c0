import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { brokenLaws } from '../support/sockets/broken-laws.js';
import { startSimulatorProcess, type SimulatorProcess } from '../support/sockets/simulator-process.js';
import { outsideBands, readSocketCases, type SocketCase } from '../support/sockets/socket-case.js';
import { planEvents } from '../support/sockets/socket-events.js';
import { emptyBooks, SocketRun } from '../support/sockets/socket-run.js';

// Processes and sockets take their time on a busy machine.
jest.setTimeout(120_000);

let heap: SimulatorProcess;

beforeAll(async () => {
  heap = await startSimulatorProcess();
});

afterAll(async () => {
  await heap.stop();
});

async function judge({ expect: expected }: SocketCase, run: SocketRun): Promise<readonly string[]> {
  const { replies, waits = {}, duplicates } = expected;
  const waited = run.heard.waits.map((text) => text.split(' '));
  return [
    ...outsideBands('replies', run.replies, replies),
    ...Object.entries(waits).flatMap(([cause, band]) => {
      const mine = waited.filter(([, each]) => each === cause);
      if (mine.length === 0) return [`no lane waited, ${cause}`];
      return mine.flatMap(([, , ms]) => outsideBands('waits', { [cause]: Number(ms) }, { [cause]: band }));
    }),
    ...(duplicates === undefined
      ? []
      : outsideBands('events', { twice: (await heap.statistics()).duplicates }, { twice: duplicates })),
  ];
}

describe('every event is delivered once or rejected once, and the books are right, when', () => {
  it.each(readSocketCases(new URL('cases/', import.meta.url)).map((each) => [each.name, each] as const))(
    '%s',
    async (_name, socketCase) => {
      await heap.reset(socketCase.faults);
      const run = new SocketRun(heap.url, socketCase);
      run.accept(planEvents(socketCase.events));
      expect(await run.unsettled()).toBe(0);
      expect(run.books).toEqual(emptyBooks);
      expect(await run.close(0)).toEqual([]);
      expect(run.remaining).toBe(0);
      for (const { number, isPoison, outcome } of run.events) {
        expect([number, outcome?.type]).toEqual([number, isPoison ? 'rejected' : 'delivered']);
      }
      expect(await brokenLaws(run, heap)).toEqual([]);
      expect(await judge(socketCase, run)).toEqual([]);
    },
  );
});

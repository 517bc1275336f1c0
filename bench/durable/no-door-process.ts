/**
 * Store and delivery without the door: events are handed to the intake as the door would do it. Parsing them is the door's
 * work, and its CPU is taken off. Usage: DATA_DIR=<folder> node no-door-process.js <configuration file>
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { Json } from '../../src/core/json/json.js';
import { answerParent } from '../delivery/answer-parent.js';
import { bodiesOf } from './door-load.js';
import type { EndToEndRound, NoDoorOrder } from './end-to-end-plan.js';
import { serviceParts } from './service-parts.js';

let underWay = 0;
const parts = serviceParts(process.argv[2] ?? '', () => {
  underWay -= 1;
});
const started = await parts.startIntake();
const { intake, durable } = started;
await started.start();
const connections = [...parts.connections.byId.values()];

answerParent(async (order: NoDoorOrder): Promise<EndToEndRound> => {
  const { eventsPerRequest, mix, lanes, callers, events, maxUnderWay, numbers } = order;
  const first = { ...numbers };
  let madeCpuUs = 0;
  let requests = 0;
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      const bodies = bodiesOf({ eventsPerRequest, mix });
      while (numbers.event - first.event < events) {
        if (underWay >= maxUnderWay) {
          await delay(2);
          continue;
        }
        const making = process.cpuUsage();
        const body = bodies[requests % bodies.length];
        const connection = connections[requests % lanes];
        requests += 1;
        if (body === undefined || connection === undefined) throw new Error('there is nothing to send');
        body.renumber(numbers);
        const { batch } = JSON.parse(body.bytes.toString()) as { readonly batch: readonly Json[] };
        const incoming = batch.map((value) => ({ value }));
        const { user, system } = process.cpuUsage(making);
        madeCpuUs += user + system;
        underWay += eventsPerRequest;
        await intake.takeIn(incoming, connection);
      }
    }),
  );
  while (underWay > 0) await delay(5);
  const wallMs = performance.now() - startedAt;
  while ((durable?.backlog.events ?? 0) > 0) await delay(50);
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    events: numbers.event - first.event,
    tracks: numbers.track - first.track,
    wallMs,
    serviceCpuMs: (user + system - madeCpuUs) / 1_000,
    databaseCpuMs: 0,
    walBytes: 0,
    numbers,
  };
});

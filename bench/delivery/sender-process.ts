/**
 * Delivers batches of events when it is asked to and says what they took. Usage: node sender-process.js <SenderPlan as
 * JSON>
 */
import { createHttpSender } from '../../src/core/delivery/http-sender.js';
import { answerParent } from './answer-parent.js';
import { plainContender } from './plain-contender.js';
import type { Batch, RunResult, SenderPlan } from './plan.js';
import { routerContender } from './router-contender.js';
import { sampleLanes } from './sample-operations.js';

export interface Contender {
  /** Makes the events; the result delivers them and resolves with the number of requests once all have arrived. */
  prepare(batch: Batch): () => Promise<number>;
}

const plan = JSON.parse(process.argv[2] ?? '') as SenderPlan;
const http = createHttpSender({
  userAgent: 'heap-destination/bench',
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  maxSockets: plan.connections,
});
const lanes = sampleLanes(plan.lanes);
const contender = plan.contender === 'router' ? routerContender(plan, lanes, http) : plainContender(plan, lanes, http);

answerParent(async (batch: Batch): Promise<RunResult> => {
  const deliver = contender.prepare(batch);
  // What making the events left behind is no cost of delivering them.
  globalThis.gc?.();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const requests = await deliver();
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { events: batch.events, requests, cpuMs: (user + system) / 1_000, wallMs };
});

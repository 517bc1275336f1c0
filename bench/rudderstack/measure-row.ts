import { Agent } from 'node:http';

import { median } from '../support.js';
import { faultOf } from './check-answer.js';
import { post } from './post.js';
import { groupMembers, peakMemoryMiB } from './process-usage.js';
import type { RequestSet } from './requests.js';
import { runRound, type Round, type RoundLimits } from './run-round.js';
import { startServer, type ServerProcess } from './server-process.js';

export interface RowPlan extends RoundLimits {
  readonly floorCommand: readonly string[];
  readonly serverCommand: readonly string[];
  readonly warmUpCpuMs: number;
  readonly rounds: number;
}

/** One server's figures in a row. */
export interface Figures {
  readonly cpuMsPer1000: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answerBytesPerEvent: number;
  readonly peakMiB: number;
}

export interface RowResult {
  readonly floor: Figures;
  readonly ours: Figures;
  /** CPU per event of ours by the floor's, round by round, in ascending order. */
  readonly ratios: readonly number[];
}

/**
 * Measures one kind of request on fresh processes, so that memory is this row's. The answer to the first request is
 * checked, both are warmed up, then they take turns. Rejects when a server fails or answers wrongly, with what ours
 * printed last.
 */
export async function measureRow(set: RequestSet, plan: RowPlan): Promise<RowResult> {
  const floor = await startServer(plan.floorCommand);
  try {
    const ours = await startServer(plan.serverCommand);
    try {
      await checkAnswers(set, floor, ours);
      return await measureBoth(set, plan, floor, ours);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}\n${ours.lastOutput()}`, { cause: error });
    } finally {
      await ours.stop();
    }
  } finally {
    await floor.stop();
  }
}

async function checkAnswers(set: RequestSet, floor: ServerProcess, ours: ServerProcess): Promise<void> {
  const [first] = set.requests;
  if (first === undefined) throw new Error('there are fewer events than one request holds');
  const agent = new Agent();
  const expected = await post(agent, floor.port, set.headers, first.body);
  const fault = faultOf(await post(agent, ours.port, set.headers, first.body), expected, first.events);
  if (fault !== undefined) throw new Error(`wrong answer: ${fault}`);
}

async function measureBoth(
  set: RequestSet,
  plan: RowPlan,
  floor: ServerProcess,
  ours: ServerProcess,
): Promise<RowResult> {
  await runRound([floor, ours], set, { ...plan, serverCpuMs: plan.warmUpCpuMs });
  const floorRounds: Round[] = [];
  const ourRounds: Round[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const [floorRound, ourRound] = await runRound([floor, ours], set, plan);
    if (floorRound === undefined || ourRound === undefined) throw new Error('nothing was measured');
    floorRounds.push(floorRound);
    ourRounds.push(ourRound);
    ratios.push(cpuPerEvent(ourRound) / cpuPerEvent(floorRound));
  }
  return {
    floor: figuresOf(floorRounds, floor),
    ours: figuresOf(ourRounds, ours),
    ratios: ratios.sort((a, b) => a - b),
  };
}

function figuresOf(rounds: readonly Round[], server: ServerProcess): Figures {
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const total = (part: (round: Round) => number): number => rounds.reduce((sum, round) => sum + part(round), 0);
  return {
    cpuMsPer1000: median(rounds.map(cpuPerEvent)) * 1_000,
    eventsPerSecond: median(rounds.map(({ events, wallMs }) => (events / wallMs) * 1_000)),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    answerBytesPerEvent: total(({ answerBytes }) => answerBytes) / total(({ events }) => events),
    peakMiB: peakMemoryMiB(groupMembers(server.processId)),
  };
}

function cpuPerEvent({ cpuMs, events }: Round): number {
  return cpuMs / events;
}

function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

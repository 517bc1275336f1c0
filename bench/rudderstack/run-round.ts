import { Agent } from 'node:http';

import { post } from './post.js';
import { cpuMs, groupMembers } from './process-usage.js';
import type { PreparedRequest, RequestSet } from './requests.js';
import type { ServerProcess } from './server-process.js';

export interface RoundLimits {
  /** How many requests at a time, each on a connection of its own that stays open. */
  readonly connections: number;
  /** The servers take turns of this length, so that a slow moment of the machine hits both. */
  readonly turnMs: number;
  /** A round ends once each server has used this much CPU: the clock has steps of 10 ms. */
  readonly serverCpuMs: number;
  /** A round ends after this many turns each, in any case. */
  readonly maxTurns: number;
}

/** What one server did in a round. */
export interface Round {
  readonly events: number;
  /** CPU time of the server, of all its threads and processes. */
  readonly cpuMs: number;
  /** The sum of its turns. */
  readonly wallMs: number;
  readonly answerBytes: number;
  /** From sending a request to the last byte of its answer, each request. */
  readonly latenciesMs: readonly number[];
}

interface Turns {
  events: number;
  wallMs: number;
  answerBytes: number;
  readonly latenciesMs: number[];
}

/**
 * Sends the requests in order, over and over, to the servers in turn. An idle server uses next to no CPU, so that its
 * use is read over the whole round. Rejects at the first answer that isn't a 200.
 */
export async function runRound(
  servers: readonly ServerProcess[],
  set: RequestSet,
  limits: RoundLimits,
): Promise<readonly Round[]> {
  const loads = servers.map((server) => startLoad(server, set, limits));
  try {
    for (let turn = 0; turn < limits.maxTurns; turn += 1) {
      for (const load of loads) await load.takeTurn();
      if (loads.every((load) => load.usedCpuMs() >= limits.serverCpuMs)) break;
    }
    return loads.map((load) => load.result());
  } finally {
    for (const load of loads) load.end();
  }
}

interface Load {
  takeTurn(): Promise<void>;
  usedCpuMs(): number;
  result(): Round;
  end(): void;
}

function startLoad(server: ServerProcess, set: RequestSet, { connections, turnMs }: RoundLimits): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const processes = groupMembers(server.processId);
  const requests = endless(set.requests);
  const turns: Turns = { events: 0, wallMs: 0, answerBytes: 0, latenciesMs: [] };
  const cpuBefore = cpuMs(processes);
  const usedCpuMs = (): number => cpuMs(processes) - cpuBefore;

  const sendUntil = async (endAt: number): Promise<void> => {
    while (performance.now() < endAt) {
      const { body, events } = requests.next().value;
      const sentAt = performance.now();
      const answer = await post(agent, server.port, set.headers, body);
      turns.latenciesMs.push(performance.now() - sentAt);
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.toString().slice(0, 300)}`);
      turns.events += events;
      turns.answerBytes += answer.body.byteLength;
    }
  };
  return {
    takeTurn: async () => {
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: connections }, () => sendUntil(startedAt + turnMs)));
      turns.wallMs += performance.now() - startedAt;
    },
    usedCpuMs,
    result: () => ({ ...turns, cpuMs: usedCpuMs() }),
    end: () => {
      agent.destroy();
    },
  };
}

function* endless(requests: readonly PreparedRequest[]): Generator<PreparedRequest, never> {
  for (;;) yield* requests;
}

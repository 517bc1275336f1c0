interface Waiting<Call, Result> {
  readonly call: Call;
  readonly bytes: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes of the calls that share a transaction, beyond the first. */
const transactionBytes = 8 * 2 ** 20;
const transactionCalls = 500;

/**
 * Makes the calls for each lane in their order, all that wait at a time in one transaction, and one transaction of a lane
 * at a time: they would wait for each other's locks. Lanes don't wait for each other.
 */
export class LaneQueues<Call, Result> {
  readonly #run: (lane: string, calls: readonly Call[]) => Promise<readonly Result[]>;
  readonly #lanes = new Map<string, Waiting<Call, Result>[]>();
  readonly #running = new Set<Promise<void>>();

  /** @param run resolves with a result for each call, or rejects for all of them. */
  constructor(run: (lane: string, calls: readonly Call[]) => Promise<readonly Result[]>) {
    this.#run = run;
  }

  push(lane: string, call: Call, bytes: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = { call, bytes, resolve, reject };
      const lines = this.#lanes.get(lane);
      if (lines !== undefined) {
        lines.push(waiting);
        return;
      }
      const line = [waiting];
      this.#lanes.set(lane, line);
      const running = this.#runAll(lane, line).finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
  }

  /** Resolves when nothing waits. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #runAll(lane: string, line: Waiting<Call, Result>[]): Promise<void> {
    // Calls of this turn come along.
    await Promise.resolve();
    while (line.length > 0) await this.#runSome(lane, take(line));
    this.#lanes.delete(lane);
  }

  async #runSome(lane: string, some: readonly Waiting<Call, Result>[]): Promise<void> {
    try {
      const results = await this.#run(
        lane,
        some.map(({ call }) => call),
      );
      some.forEach(({ resolve }, position) => {
        resolve(results[position] as Result);
      });
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }
}

function take<Call, Result>(line: Waiting<Call, Result>[]): readonly Waiting<Call, Result>[] {
  let bytes = 0;
  const end = line.findIndex((waiting, position) => {
    bytes += waiting.bytes;
    return position === transactionCalls || bytes > transactionBytes;
  });
  return line.splice(0, end === -1 ? line.length : Math.max(1, end));
}

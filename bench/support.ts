/** A contender of a benchmark: does the whole work once. */
export interface Contender {
  readonly name: string;
  readonly run: () => void;
}

export interface Measurement {
  readonly name: string;
  /** CPU time of this process for one run, in microseconds, per round. */
  readonly cpuUs: readonly number[];
  readonly wallUs: readonly number[];
}

/**
 * Runs the contenders in turn, round after round, so that a slow moment of the machine hits all of them. The first
 * rounds warm the compiler up and are thrown away.
 */
export function measure(contenders: readonly Contender[], rounds: number, warmUp: number): readonly Measurement[] {
  const measurements = contenders.map(({ name }) => ({ name, cpuUs: [] as number[], wallUs: [] as number[] }));
  for (let round = 0; round < rounds + warmUp; round += 1) {
    contenders.forEach((contender, index) => {
      const cpu = process.cpuUsage();
      const wall = performance.now();
      contender.run();
      const { user, system } = process.cpuUsage(cpu);
      if (round < warmUp) return;
      measurements[index]?.cpuUs.push(user + system);
      measurements[index]?.wallUs.push((performance.now() - wall) * 1000);
    });
  }
  return measurements;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

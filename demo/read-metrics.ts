/** One line of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const samplePattern = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** https://prometheus.io/docs/instrumenting/exposition_formats/, as far as counters and histograms need it. */
export function parseMetrics(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = samplePattern.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    const pairs = [...labels.matchAll(labelPattern)].map(([, label = '', content = '']) => [label, content] as const);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/** The values of one metric that are not 0, added up by the value of a label. */
export function sumBy(samples: readonly Sample[], name: string, label: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const sample of samples) {
    const key = sample.labels[label] ?? '';
    if (sample.name === name && sample.value !== 0) sums[key] = (sums[key] ?? 0) + sample.value;
  }
  return sums;
}

/** The values of one metric, added up. */
export function sumOf(samples: readonly Sample[], name: string): number {
  return samples.reduce((sum, sample) => (sample.name === name ? sum + sample.value : sum), 0);
}

/** By how much each counter has grown since `before`; everything else is as it is now. */
export function increase(now: readonly Sample[], before: readonly Sample[]): readonly Sample[] {
  const keyOf = ({ name, labels }: Sample): string => JSON.stringify([name, Object.entries(labels).sort()]);
  const earlier = new Map(before.map((sample) => [keyOf(sample), sample.value]));
  return now.map((sample) =>
    sample.name.endsWith('_total') ? { ...sample, value: sample.value - (earlier.get(keyOf(sample)) ?? 0) } : sample,
  );
}

export async function readMetrics(operatorUrl: string): Promise<readonly Sample[]> {
  const response = await fetch(`${operatorUrl}/metrics`);
  if (!response.ok) throw new Error(`GET ${operatorUrl}/metrics: ${response.status}`);
  return parseMetrics(await response.text());
}

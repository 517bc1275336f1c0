import { scenarios, type Scenario } from './scenario.js';
import { simulate, type Outcome } from './simulate.js';

const heads = [
  'scenario',
  'events/s',
  'apps',
  'per request',
  'replicas',
  'store',
  'confirmed/s',
  'delivered/s',
  'replicas’ load',
  'database’s load',
  'caught up after',
  'bound by',
];
const textColumns = new Set([0, 5, 11]);

/** The scenarios and what came of them, as a table of Markdown, laid out as prettier does it. */
export function scenarioTable(): string {
  const rows = [heads, ...scenarios.map((scenario) => cellsOf(scenario, simulate(scenario)))];
  const widths = heads.map((_unused, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width, column) =>
    textColumns.has(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  const [head = [], ...body] = rows;
  const lines = [head, rule, ...body].map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return textColumns.has(column) ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${cells.join(' | ')} |\n`;
  });
  return lines.join('');
}

function cellsOf(scenario: Scenario, outcome: Outcome): readonly string[] {
  const { name, eventsPerSecond, apps, eventsPerRequest, replicas, store } = scenario;
  return [
    name,
    grouped(eventsPerSecond),
    grouped(apps),
    String(eventsPerRequest),
    String(replicas),
    store.type === 'lmdb' ? 'LMDB' : `PostgreSQL, ${store.cores} cores`,
    grouped(outcome.confirmed),
    grouped(outcome.delivered),
    percent(outcome.replicaLoad),
    outcome.databaseLoad === undefined ? '-' : percent(outcome.databaseLoad),
    caughtUp(outcome),
    outcome.bound,
  ];
}

function caughtUp({ caughtUpAfter, fullAfter }: Outcome): string {
  if (caughtUpAfter !== undefined) return caughtUpAfter < 60 ? 'at once' : `${Math.round(caughtUpAfter / 60)} min`;
  if (fullAfter === undefined) return 'never';
  return `never; full in ${fullAfter < 7_200 ? `${Math.round(fullAfter / 60)} min` : `${Math.round(fullAfter / 3_600)} h`}`;
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function percent(share: number): string {
  return `${Math.min(100, Math.round(share * 100))} %`;
}

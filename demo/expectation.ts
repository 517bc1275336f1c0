import { readFile } from 'node:fs/promises';

import type { HeapSummary } from './heap-facts.js';

/** Operations by kind: what events become before they are batched. */
export interface OperationCounts {
  readonly track: number;
  readonly addUserProperties: number;
  readonly addAccountProperties: number;
  readonly identify: number;
}

export interface Refusal {
  readonly outcome: 'dropped' | 'rejected';
  readonly reason: string;
}

export interface AppExpectation {
  readonly connection: string;
  readonly operations: OperationCounts;
  readonly heap: HeapSummary;
}

/** What the whole demo should come to; written by the generator of the events, who knows what it made. */
export interface Expectation {
  /** Sent: those delivered, the repeats and those refused. */
  readonly events: number;
  readonly delivered: number;
  /** Events that were sent before, and are delivered once. */
  readonly repeats: number;
  /** By messageId. */
  readonly refused: Readonly<Record<string, Refusal>>;
  /** Delivered events by what was put right in them. */
  readonly adjustments: Readonly<Record<string, number>>;
  /** By app_id. */
  readonly apps: Readonly<Record<string, AppExpectation>>;
}

/** The generator's own file, so its shape is taken as given. */
export async function readExpectation(file: URL): Promise<Expectation> {
  return JSON.parse(await readFile(file, 'utf8')) as Expectation;
}

import { createInterface } from 'node:readline/promises';

import { exitCodes } from '../exit-codes.js';
import { letterQuery, type LetterOptions } from '../letter-options.js';
import { askOperator, OperatorFault, tellingFaults } from '../operator-client.js';
import { tell } from '../output.js';
import { table } from '../table.js';
import { operatorOf } from './dead-letters.js';

export interface OrderOptions extends LetterOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly limit?: number;
  readonly yes?: true;
}

/** What became of one letter, as the operator port says it. */
interface ShownVerdict {
  readonly id: string;
  readonly messageId?: string;
  readonly verdict: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly operations?: readonly { readonly kind: string }[];
}

/** One answer of the operator port to an order. */
interface OrderAnswer {
  readonly counts?: Readonly<Record<string, number>>;
  readonly verdicts?: readonly ShownVerdict[];
  readonly discarded?: number;
  readonly gone?: number;
  readonly next: string | null;
  readonly until: string;
  readonly message?: string;
}

interface Outcome {
  readonly counts: Readonly<Record<string, number>>;
  readonly verdicts: readonly ShownVerdict[];
  /** Why it broke off. */
  readonly fault?: string;
}

/** Letters per request: an answer comes within seconds, and what was done by then is known. */
const lettersPerRequest = 1_000;
const maxVerdicts = 100;
const well = ['replayed', 'would_replay', 'delivered_already', 'discarded', 'would_discard'];

export function replay(ids: readonly string[], options: OrderOptions): Promise<void> {
  return tellingFaults(async () => {
    checkChoice(ids, options);
    tellOutcome(await order('/dead-letters/replay', ids, options, options.dryRun === true), options);
  });
}

export function discard(ids: readonly string[], options: OrderOptions): Promise<void> {
  return tellingFaults(async () => {
    checkChoice(ids, options);
    const path = '/dead-letters/discard';
    if (options.dryRun !== true && options.yes !== true) {
      const { counts } = await order(path, ids, options, true);
      const letters = counts.would_discard ?? 0;
      if (letters > 0 && !(await isConfirmed(letters))) return;
    }
    tellOutcome(await order(path, ids, options, options.dryRun === true), options);
  });
}

/** Every letter is meant only where that is said. */
function checkChoice(ids: readonly string[], options: OrderOptions): void {
  const hasFilter = Object.keys(letterQuery(options)).length > 0;
  const ways = [ids.length > 0, hasFilter, options.all === true].filter(Boolean).length;
  if (ways === 1) return;
  const message =
    ways === 0 ? 'say which: ids, filters such as --reason, or --all' : 'give ids, filters or --all: one of them';
  throw new OperatorFault(message, exitCodes.usage);
}

async function isConfirmed(letters: number): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new OperatorFault(`this discards ${countOf(letters)} for good; say --yes`, exitCodes.usage);
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`Discard ${countOf(letters)} for good? [y/N] `);
  prompt.close();
  if (/^y(es)?$/i.test(answer.trim())) return true;
  tell('nothing was discarded');
  return false;
}

/** Goes through the letters in requests of a bounded size, each going on where the one before it ended. */
async function order(path: string, ids: readonly string[], options: OrderOptions, dryRun: boolean): Promise<Outcome> {
  const base = operatorOf(options);
  const counts: Record<string, number> = {};
  const verdicts: ShownVerdict[] = [];
  let left = options.limit ?? Infinity;
  let after: string | undefined;
  let filter = letterQuery(options);
  for (;;) {
    const limit = Math.min(left, lettersPerRequest);
    const isEmpty = Object.keys(filter).length === 0;
    const chosen = ids.length > 0 ? { ids } : { ...(isEmpty ? { all: true } : { filter }), limit, after };
    let answer: OrderAnswer;
    try {
      const { message, json } = await askOperator(base, path, { body: { ...chosen, dryRun } });
      if (!('until' in json)) throw new OperatorFault(message, exitCodes.rejected);
      answer = json as unknown as OrderAnswer;
    } catch (error) {
      if (!(error instanceof OperatorFault) || after === undefined) throw error;
      return { counts, verdicts, fault: error.message };
    }
    add(counts, answer, dryRun);
    for (const verdict of answer.verdicts ?? []) if (verdicts.length < maxVerdicts) verdicts.push(verdict);
    if (answer.message !== undefined) return { counts, verdicts, fault: answer.message };
    left -= limit;
    if (answer.next === null || left <= 0) return { counts, verdicts };
    after = answer.next;
    // Letters that were written meanwhile, perhaps of what was just replayed, are not meant.
    filter = { ...filter, until: answer.until };
    if (process.stderr.isTTY) process.stderr.write(`\r${total(counts)} letters`);
  }
}

function add(
  counts: Record<string, number>,
  { counts: replayed, discarded, gone }: OrderAnswer,
  dryRun: boolean,
): void {
  const removed =
    discarded === undefined ? {} : { [dryRun ? 'would_discard' : 'discarded']: discarded, gone: gone ?? 0 };
  for (const [verdict, count] of Object.entries({ ...replayed, ...removed })) {
    if (count > 0) counts[verdict] = (counts[verdict] ?? 0) + count;
  }
}

function tellOutcome({ counts, verdicts, fault }: Outcome, options: OrderOptions): void {
  const letters = total(counts);
  const isWell = Object.keys(counts).every((verdict) => well.includes(verdict));
  if (options.json === true) {
    const more = verdicts.length === 0 ? 0 : letters - verdicts.length;
    process.stdout.write(
      `${JSON.stringify({ letters, counts, verdicts, more, ...(fault === undefined ? {} : { fault }) })}\n`,
    );
  } else if (letters === 0) {
    tell('no dead letter matches');
  } else {
    // Those that went as they were meant to need no line each, unless a dry run was to show them.
    const shown = verdicts.filter(({ verdict }) => options.dryRun === true || !well.includes(verdict));
    if (shown.length > 0) process.stdout.write(`${table(['VERDICT', 'ID', 'MESSAGE ID', 'WHY'], shown.map(row))}\n`);
    const list = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
    const note =
      shown.length > 0 && letters > verdicts.length ? ` (lines above are of the first ${verdicts.length})` : '';
    process.stdout.write(`${countOf(letters)}: ${list.join(', ')}${note}\n`);
  }
  if (fault !== undefined) tell(`it broke off: ${fault}`);
  if (!isWell || fault !== undefined) process.exitCode = exitCodes.rejected;
}

function row({ id, messageId = '', verdict, reason, detail, operations }: ShownVerdict): readonly string[] {
  const why = operations?.map(({ kind }) => kind).join(', ') ?? [reason, detail].filter(Boolean).join(': ');
  return [verdict, id, messageId.slice(0, 40), why];
}

function countOf(letters: number): string {
  return `${letters} ${letters === 1 ? 'letter' : 'letters'}`;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

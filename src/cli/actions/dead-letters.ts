import { exitCodes } from '../exit-codes.js';
import { letterQuery, type LetterOptions } from '../letter-options.js';
import { askOperator, callOperator, OperatorFault, operatorUrls, tellingFaults } from '../operator-client.js';
import { lineWriter, tell } from '../output.js';
import { readLines } from '../read-lines.js';
import { plainLine, table } from '../table.js';

export interface ListOptions extends LetterOptions {
  readonly limit: number;
  readonly after?: string;
}

export type ExportOptions = LetterOptions;

/** A letter as the operator port shows it. */
interface ShownLetter {
  readonly id: string;
  readonly lane: string;
  readonly connection: string;
  readonly messageId: string;
  readonly reason: string;
  readonly detail: string;
  readonly attempts: number;
  readonly receivedAt: string;
  readonly rejectedAt: string;
  readonly delivered: readonly string[];
  readonly event: unknown;
}

interface ShownStatistics {
  readonly letters: number;
  readonly bytes: number;
  readonly oldestAt: string | null;
  readonly counts: readonly { readonly connection: string; readonly reason: string; readonly letters: number }[];
  readonly counted: number;
}

/** The operator port that a command speaks to. */
export function operatorOf({ operator }: LetterOptions): string {
  const urls = operatorUrls(operator === undefined ? undefined : [operator]);
  const [url] = urls;
  // Each replica may have dead letters of its own: a command that took one for all would leave some out unseen.
  if (url === undefined || urls.length > 1) {
    throw new OperatorFault('this is about one service: choose it with --operator', exitCodes.usage);
  }
  return url;
}

export function listLetters(options: ListOptions): Promise<void> {
  return tellingFaults(async () => {
    const query = { ...letterQuery(options), limit: String(options.limit), after: options.after };
    const { json } = await ask(operatorOf(options), '/dead-letters', query);
    const { letters, next } = json as { readonly letters: readonly ShownLetter[]; readonly next: string | null };
    if (options.json === true) {
      for (const letter of letters) process.stdout.write(`${JSON.stringify(letter)}\n`);
    } else if (letters.length === 0) {
      tell('no dead letter matches');
    } else {
      process.stdout.write(table(header, letters.map(row), process.stdout.isTTY ? process.stdout.columns : undefined));
    }
    if (next !== null) tell(`there are more: --after ${next}`);
  });
}

const header = ['ID', 'REJECTED', 'LANE', 'CONNECTION', 'REASON', 'MESSAGE ID', 'DETAIL'];

function row({ id, rejectedAt, lane, connection, reason, messageId, detail }: ShownLetter): readonly string[] {
  return [id, rejectedAt, lane, connection, reason, messageId.slice(0, 40), detail];
}

export function showLetter(id: string, options: LetterOptions): Promise<void> {
  return tellingFaults(async () => {
    const { json } = await ask(operatorOf(options), `/dead-letters/${encodeURIComponent(id)}`);
    if (options.json === true) {
      process.stdout.write(`${JSON.stringify(json)}\n`);
      return;
    }
    const { event, delivered, ...fields } = json as unknown as ShownLetter;
    const lines = Object.entries(fields).map(([name, value]) => `${name.padEnd(12)}${plainLine(String(value))}`);
    if (delivered.length > 0)
      lines.push(`${'delivered'.padEnd(12)}${delivered.length} operations, which a replay leaves out`);
    const text = JSON.stringify(event, undefined, 2).split('\n').map(plainLine).join('\n');
    process.stdout.write(`${lines.join('\n')}\nevent\n${text}\n`);
  });
}

/** Longest line of an export: an event has a megabyte at most, and its letter little more. */
const maxLineLength = 64 * 1024 * 1024;

export function exportLetters(options: ExportOptions): Promise<void> {
  return tellingFaults(async () => {
    const base = operatorOf(options);
    const query = letterQuery(options);
    const response = await callOperator(base, '/dead-letters/export', { query });
    if (response.status !== 200 || response.headers.get('content-type')?.includes('ndjson') !== true) {
      await response.body?.cancel();
      // The same question again, for its faults: an export that began is not asked for twice.
      await ask(base, '/dead-letters', query);
      throw new OperatorFault(`${base} does not export now; ask again`, exitCodes.rejected);
    }
    const writer = lineWriter(process.stdout);
    let letters = 0;
    try {
      for await (const line of readLines(chunksOf(response), maxLineLength)) {
        if (!('text' in line)) continue;
        letters += 1;
        if (!(await writer.write(line.text))) break;
      }
    } catch {
      throw new OperatorFault(`the export broke off after ${letters} letters`, exitCodes.rejected);
    } finally {
      await writer.end();
    }
    tell(`${letters} ${letters === 1 ? 'letter' : 'letters'}`);
  });
}

async function* chunksOf(response: Response): AsyncGenerator<Buffer> {
  // The types of the web's streams say nothing of iteration; Node's streams can be iterated.
  const body = response.body as AsyncIterable<Uint8Array> | null;
  if (body === null) return;
  for await (const chunk of body) yield Buffer.from(chunk);
}

export function showStatistics(options: LetterOptions): Promise<void> {
  return tellingFaults(async () => {
    const { json } = await ask(operatorOf(options), '/dead-letters/stats');
    if (options.json === true) {
      process.stdout.write(`${JSON.stringify(json)}\n`);
      return;
    }
    const { letters, bytes, oldestAt, counts, counted } = json as unknown as ShownStatistics;
    process.stdout.write(
      `${letters} ${letters === 1 ? 'letter' : 'letters'}, ${bytes} bytes, the oldest of ${oldestAt ?? 'never'}\n`,
    );
    if (counts.length === 0) return;
    const rows = counts.map((count) => [String(count.letters), count.reason, count.connection]);
    process.stdout.write(`\n${table(['LETTERS', 'REASON', 'CONNECTION'], rows)}`);
    if (counted < letters) process.stdout.write(`\nof the ${counted} oldest; export them to count all\n`);
  });
}

async function ask(
  base: string,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<{ readonly json: Readonly<Record<string, unknown>> }> {
  const answer = await askOperator(base, path, { query });
  if (answer.status === 200) return answer;
  throw new OperatorFault(answer.message, exitCodes.rejected);
}

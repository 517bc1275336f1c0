import { exitCodes } from '../exit-codes.js';
import { askOperator, OperatorFault, operatorUrls, tellingFaults, type OperatorAnswer } from '../operator-client.js';
import { tell } from '../output.js';
import { plainLine } from '../table.js';

export interface TraceOptions {
  readonly identity?: string;
  readonly appId?: string;
  readonly limit?: string;
  readonly operator?: readonly string[];
  readonly json?: true;
}

/** An event as the operator port shows it. */
interface ShownEvent {
  readonly messageId: string;
  readonly type: string;
  readonly connection: string;
  readonly lane: string;
  readonly receivedAt: string;
  readonly summary: string;
  readonly operations: readonly {
    readonly kind: string;
    readonly item?: unknown;
    readonly itemStart?: string;
    readonly bytes?: number;
  }[];
  readonly attemptsInAll: number;
  readonly attempts: readonly {
    readonly requestId: string;
    readonly kind: string;
    readonly items: number;
    readonly at: string;
    readonly seconds: number;
    readonly status: number | string;
    readonly outcome: string;
    readonly detail: string;
  }[];
}

interface Trace {
  readonly summary: string;
  readonly events: readonly ShownEvent[];
}

/** Asks every replica; one that knows is enough. */
export function trace(messageId: string | undefined, options: TraceOptions): Promise<void> {
  return tellingFaults(async () => {
    const { identity, appId, limit } = options;
    if ((messageId === undefined) === (identity === undefined)) {
      throw new OperatorFault('say which event: its messageId, or --identity', exitCodes.usage);
    }
    const path = messageId === undefined ? '/events' : `/events/${encodeURIComponent(messageId)}`;
    const query = messageId === undefined ? { identity, app_id: appId, limit } : {};
    const urls = operatorUrls(options.operator);
    let isKnown = false;
    for (const url of urls) {
      const { status, message, json } = await askReplica(url, path, query, urls.length > 1);
      if (status === undefined) continue;
      if (status !== 200 && status !== 404) {
        throw new OperatorFault(message, exitCodes.rejected);
      }
      isKnown ||= status === 200;
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ operator: url, ...json })}\n`);
        continue;
      }
      if (urls.length > 1) process.stdout.write(`${url}\n`);
      process.stdout.write(textOf(json as unknown as Trace));
    }
    if (!isKnown) process.exitCode = exitCodes.rejected;
  });
}

type ReplicaAnswer = OperatorAnswer | (Omit<OperatorAnswer, 'status'> & { readonly status: undefined });

/** Of several replicas one may be down; the others are asked all the same. */
async function askReplica(
  url: string,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  hasOthers: boolean,
): Promise<ReplicaAnswer> {
  try {
    return await askOperator(url, path, { query });
  } catch (error) {
    if (!hasOthers || !(error instanceof OperatorFault)) throw error;
    tell(error.message);
    return { status: undefined, message: error.message, json: {} };
  }
}

function textOf({ summary, events }: Trace): string {
  const lines = summary.split('\n').map(plainLine);
  for (const event of events) {
    const { messageId, type, connection, lane, receivedAt, operations, attempts, attemptsInAll } = event;
    lines.push('', plainLine(`${type} ${messageId} of ${connection}, lane ${lane}, received ${receivedAt}`));
    if (events.length > 1) lines.push(`  ${plainLine(event.summary)}`);
    for (const { kind, item, itemStart, bytes } of operations) {
      const text = itemStart === undefined ? JSON.stringify(item) : `${itemStart}… (${bytes ?? 0} bytes)`;
      lines.push(`  ${kind} ${plainLine(text)}`);
    }
    for (const [index, attempt] of attempts.entries()) {
      const { at, status, outcome, kind, items, seconds, requestId, detail } = attempt;
      const request = `${kind}, ${items} ${items === 1 ? 'item' : 'items'}, ${seconds.toFixed(3)} s, request ${requestId}`;
      lines.push(`  ${at}  ${String(status)} ${outcome}  (${request})  ${plainLine(detail)}`.trimEnd());
      if (index === 0 && attemptsInAll > attempts.length) lines.push(`  … ${attemptsInAll - attempts.length} more …`);
    }
  }
  return `${lines.join('\n')}\n`;
}

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import type { JsonObject } from './json.js';
import type { Batch } from './send-batch.js';

const eventsPerBatch = 50;

/** Three connections with five senders each: up to 15 requests are in flight. */
const sendersPerConnection = 5;

interface Line {
  readonly writeKey: string;
  readonly event: JsonObject;
}

/**
 * Reads a file of `{"writeKey", "event"}` lines and sends its events in batches. Events of one person go through one
 * sender, which sends one batch after the other: so the order that matters is kept, while different people's events
 * travel side by side. Memory does not grow with the file: a sender that is busy holds up the reading.
 */
export async function streamEvents(file: URL, send: (batch: Batch) => Promise<void>): Promise<void> {
  const senders = new Map<string, Sender>();
  let batches = 0;
  const sendNext = (writeKey: string, events: readonly JsonObject[]): Promise<void> => {
    batches += 1;
    return send({ writeKey, events, gzip: batches % 3 === 0 });
  };
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (text === '') continue;
    const { writeKey, event } = JSON.parse(text) as Line;
    const key = `${writeKey} ${hash(speakerOf(event)) % sendersPerConnection}`;
    let sender = senders.get(key);
    if (sender === undefined) senders.set(key, (sender = new Sender((events) => sendNext(writeKey, events))));
    await sender.add(event);
  }
  const all = [...senders.values()];
  await Promise.all(all.map((sender) => sender.finish()));
}

/** Collects events into batches; one batch is in flight while the next one fills. */
class Sender {
  private filling: JsonObject[] = [];
  private inFlight: Promise<void> = Promise.resolve();

  constructor(private readonly send: (events: readonly JsonObject[]) => Promise<void>) {}

  async add(event: JsonObject): Promise<void> {
    this.filling.push(event);
    if (this.filling.length === eventsPerBatch) await this.flush();
  }

  async finish(): Promise<void> {
    if (this.filling.length > 0) await this.flush();
    await this.inFlight;
  }

  private async flush(): Promise<void> {
    await this.inFlight;
    this.inFlight = this.send(this.filling);
    // A failure is thrown at the next flush or at the end, whichever waits for it.
    this.inFlight.catch(() => undefined);
    this.filling = [];
  }
}

/** Whose events must stay in order; an event of nobody may go anywhere. */
function speakerOf({ userId, anonymousId, messageId }: JsonObject): string {
  return JSON.stringify(userId ?? anonymousId ?? messageId ?? null);
}

/** FNV-1a. */
function hash(text: string): number {
  let mixed = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) mixed = Math.imul(mixed ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return mixed;
}

import { setTimeout as delay } from 'node:timers/promises';

import { DoorConnection } from './door-connection.js';
import { writeKeyOf } from './config-file.js';
import { NumberedBody, type Mix, type Numbers } from './numbered-body.js';

export interface Loaded {
  readonly events: number;
  readonly requests: number;
  readonly wallMs: number;
  /** From sending a request to the last byte of its answer, ascending. */
  readonly latenciesMs: readonly number[];
}

export interface LoadPlan {
  readonly port: number;
  readonly eventsPerRequest: number;
  readonly mix: Mix;
  readonly lanes: number;
  readonly connections: number;
  /** Shared by all loads of one sink. */
  readonly numbers: Numbers;
}

interface Sender {
  readonly connection: DoorConnection;
  /** As many as it takes to have the whole mix of ten events. */
  readonly bodies: readonly NumberedBody[];
}

const eventsOfMix = 10;

/** Sources that send events to the data port, each the next request when the last one is answered. Lanes take turns. */
export class DoorLoad {
  readonly #heads: readonly (readonly Buffer[])[];
  #requests = 0;

  private constructor(
    private readonly plan: LoadPlan,
    private readonly senders: readonly Sender[],
  ) {
    const bodies = senders[0]?.bodies ?? [];
    this.#heads = Array.from({ length: plan.lanes }, (_unused, lane) =>
      bodies.map(({ bytes }) => headOf(lane, bytes.length)),
    );
  }

  static async open(plan: LoadPlan): Promise<DoorLoad> {
    const senders = await Promise.all(
      Array.from({ length: plan.connections }, async () => ({
        connection: await DoorConnection.open(plan.port),
        bodies: bodiesOf(plan),
      })),
    );
    return new DoorLoad(plan, senders);
  }

  /** Does what `next` says, which is asked right before each request, and waits for the last answer. */
  async run(next: () => 'send' | 'wait' | 'stop'): Promise<Loaded> {
    const { numbers } = this.plan;
    const firstEvent = numbers.event;
    const latenciesMs: number[] = [];
    const startedAt = performance.now();
    await Promise.all(
      this.senders.map(async ({ connection, bodies }) => {
        for (;;) {
          const step = next();
          if (step === 'stop') return;
          if (step === 'wait') {
            await delay(2);
            continue;
          }
          const number = (this.#requests += 1);
          const variant = number % bodies.length;
          const lane = Math.floor(number / bodies.length) % this.plan.lanes;
          const body = bodies[variant];
          const head = this.#heads[lane]?.[variant];
          if (body === undefined || head === undefined) throw new Error('there is nothing to send');
          body.renumber(numbers);
          const sentAt = performance.now();
          await connection.send(head, body.bytes);
          latenciesMs.push(performance.now() - sentAt);
        }
      }),
    );
    return {
      events: numbers.event - firstEvent,
      requests: latenciesMs.length,
      wallMs: performance.now() - startedAt,
      latenciesMs: latenciesMs.sort((one, other) => one - other),
    };
  }

  close(): void {
    for (const { connection } of this.senders) connection.close();
  }
}

export function bodiesOf({
  eventsPerRequest,
  mix,
}: Pick<LoadPlan, 'eventsPerRequest' | 'mix'>): readonly NumberedBody[] {
  const variants = eventsPerRequest % eventsOfMix === 0 ? 1 : eventsOfMix;
  return Array.from({ length: variants }, (_unused, first) => new NumberedBody(eventsPerRequest, mix, first));
}

function headOf(lane: number, length: number): Buffer {
  const credentials = Buffer.from(`${writeKeyOf(lane)}:`).toString('base64');
  const lines = [
    'POST /v1/batch HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Basic ${credentials}`,
    'Content-Type: application/json',
    `Content-Length: ${length}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

import { ingest } from '../http-client.js';

/** What became of a batch: it was answered so, or its connection broke. */
export type BatchResult = number | 'broken';

export interface OutboxPlan {
  readonly users: number;
  /** Of each user. */
  readonly batches: number;
  /** In each batch. */
  readonly events: number;
}

/**
 * A sender as it should be: it keeps each batch until it was answered 200, and sends those of one user one after the
 * other. The events of a user are called `0`, `1`, and so on, in their order.
 */
export class Outbox {
  readonly #left: ReadonlyMap<string, object[]>;

  constructor(readonly plan: OutboxPlan) {
    const users = Array.from({ length: plan.users }, (_unused, user) => `user-${user}`);
    this.#left = new Map(users.map((user) => [user, batchesOf(user, plan)]));
  }

  get left(): number {
    return [...this.#left.values()].reduce((sum, batches) => sum + batches.length, 0);
  }

  /**
   * Sends what is left, all users side by side; a user stops at the first batch that is not taken.
   *
   * @returns what each batch that was sent met with.
   */
  async send(dataUrl: string): Promise<readonly BatchResult[]> {
    const results: BatchResult[] = [];
    const sendUser = async (batches: object[]): Promise<void> => {
      for (let [batch] = batches; batch !== undefined; [batch] = batches) {
        const result = await ingest(dataUrl, '/v1/batch', batch).then(
          ({ status }) => status,
          () => 'broken' as const,
        );
        results.push(result);
        if (result !== 200) return;
        batches.shift();
      }
    };
    await Promise.all([...this.#left.values()].map(sendUser));
    return results;
  }
}

function batchesOf(userId: string, { batches, events }: OutboxPlan): object[] {
  return Array.from({ length: batches }, (_unused, batch) => ({
    batch: Array.from({ length: events }, (_event, index) => {
      const event = String(batch * events + index);
      return { type: 'track', userId, event, messageId: `${userId} ${event}` };
    }),
  }));
}

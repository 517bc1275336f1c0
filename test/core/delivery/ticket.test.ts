import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Ticket, type ItemOutcome } from '../../../src/core/delivery/ticket.js';
import { settled } from '../../support/virtual-clock.js';

const rejected: ItemOutcome = { type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400' };
const abandoned: ItemOutcome = { type: 'abandoned' };
const delivered: ItemOutcome = { type: 'delivered' };

describe('a ticket', () => {
  it('is settled by the last of its operations and not before', async () => {
    const ticket = new Ticket(3);
    const seen: string[] = [];
    void ticket.settled.then(({ type }) => seen.push(type));
    ticket.settle(delivered);
    ticket.settle(delivered);
    await settled();
    expect(seen).toEqual([]);
    ticket.settle(delivered);
    await settled();
    expect(seen).toEqual(['delivered']);
  });

  it.each([
    [[delivered, rejected], rejected],
    [[rejected, delivered], rejected],
    [[abandoned, delivered], abandoned],
    [[delivered, abandoned], abandoned],
    // Else its sender would not repeat what was not written.
    [[abandoned, rejected], abandoned],
    [[rejected, abandoned], abandoned],
  ])('has the worst outcome of %j', async (outcomes, worst) => {
    const ticket = new Ticket(outcomes.length);
    for (const outcome of outcomes) ticket.settle(outcome);
    expect(await ticket.settled).toEqual(worst);
  });

  it('tells the first of several rejections', async () => {
    const other: ItemOutcome = { type: 'rejected', reason: 'expired', detail: 'HTTP 503' };
    const ticket = new Ticket(2);
    ticket.settle(rejected);
    ticket.settle(other);
    expect(await ticket.settled).toEqual(rejected);
  });

  it('has an outcome that does not depend on the order in which its operations were settled', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(fc.constantFrom(delivered, rejected, abandoned), { minLength: 1, maxLength: 5 })
          .chain((outcomes) =>
            fc.tuple(fc.constant(outcomes), fc.shuffledSubarray(outcomes, { minLength: outcomes.length })),
          ),
        async ([one, other]) => {
          const tickets = [one, other].map((outcomes) => {
            const ticket = new Ticket(outcomes.length);
            for (const outcome of outcomes) ticket.settle(outcome);
            return ticket.settled;
          });
          expect(await tickets[0]).toEqual(await tickets[1]);
        },
      ),
    );
  });
});

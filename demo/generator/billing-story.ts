import { cents, makeBasket } from './catalogue.js';
import type { Account, Person } from './people.js';
import type { Random } from './random.js';
import { Recorder } from './recorder.js';
import type { StoryEvent } from './story-event.js';
import { day, hour } from './time.js';
import { BackendVoice } from './voices.js';

/** The billing backend's story of one customer: an order, its invoice, renewals, what goes wrong on the way. */
export function billingStory(random: Random, out: StoryEvent[], person: Person, account: Account | undefined): void {
  const recorder = new Recorder(new BackendVoice(random), out);
  const user = { userId: person.billingId };
  const { plan, products, revenue } = makeBasket(random);
  const tax = cents(revenue * 0.21);
  const owns = account?.owner === person;
  let at = person.arrival + random.int(2, 5) * day;
  const next = (): number => (at += random.int(1, 40) * 1000);

  recorder.identify(next(), user, {
    Email: person.email,
    plan,
    billing: {
      country: person.country,
      currency: 'EUR',
      vat_id: null,
      address: { zip: String(random.int(10_000, 99_999)) },
    },
    payment_methods: random.some(['card', 'sepa', 'invoice'], random.int(1, 2)),
    lifetime_value: 0,
  });
  if (owns) {
    recorder.group(next(), user, account.accountId, {
      name: account.name,
      plan,
      mrr: revenue,
      trial: true,
      contacts: [{ role: 'billing', email: person.email }],
    });
  }
  recorder.track(next(), user, 'Order Completed', {
    order_id: `ord-${10_000 + person.index}`,
    total: cents(revenue + tax),
    revenue,
    tax,
    currency: 'EUR',
    products,
  });

  const invoices = random.int(1, 3);
  for (let invoice = 1; invoice <= invoices; invoice++) {
    at += random.int(20, 120) * hour;
    const number = `inv-${person.index}-${invoice}`;
    if (random.chance(0.25)) {
      recorder.track(next(), user, 'Payment Failed', {
        invoice: { number, attempt: 1, next_attempt_in_h: 24 },
        error: { code: 'insufficient_funds', retriable: true },
      });
      at += day;
    }
    recorder.track(next(), user, 'Invoice Paid', {
      invoice: { number, lines: products.length },
      amount: cents(revenue + tax),
    });
    if (invoice > 1) recorder.track(next(), user, 'Subscription Renewed', { plan, cycle: invoice, automatic: true });
    recorder.identify(next(), user, { lifetime_value: cents(revenue * invoice), last_invoice: number });
  }
  if (owns) recorder.group(next(), user, account.accountId, { trial: false, mrr: cents(revenue * 1.1) });
  if (random.chance(0.12)) {
    recorder.track(next(), user, 'Refund Issued', { reason: 'duplicate', amount: cents(revenue / 2), partial: true });
  }
}

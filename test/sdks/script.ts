/**
 * The story that every SDK is told, in its own words: somebody visits, turns out to be Ann, orders, looks at a page and a
 * screen, belongs to an account, and was called otherwise before.
 */
export const ann = 'ann@example.com';
export const traits = { plan: 'pro', seats: 3 };
export const visit = { campaign: 'spring' };
export const order = { revenue: 99.9, order: { id: 'A-1' } };
export const pageProperties = { section: 'api' };
export const account = { id: 'acme', traits: { industry: 'toys' } };
export const formerAnn = 'ann-before';

/** What Heap holds when all of it has arrived; SDKs may add properties of their own. */
export const wholeStory = {
  events: [
    { event: 'Order Completed', of: ann, properties: { revenue: 99.9, 'order.id': 'A-1' } },
    { event: 'Page viewed', of: ann, properties: { name: 'Home', category: 'Docs', section: 'api' } },
    { event: 'Screen viewed', of: ann, properties: { name: 'Main' } },
    // It was nobody's when it was sent; it is Ann's since she was identified.
    { event: 'Visited', of: ann, properties: { campaign: 'spring' } },
  ],
  users: { [ann]: { plan: 'pro', seats: 3, account_id: 'acme' } },
  visitors: { [ann]: 2 },
  accounts: { acme: { industry: 'toys' } },
};

/** Told by an SDK that has no screens. */
export const withoutScreen = {
  ...wholeStory,
  events: wholeStory.events.filter(({ event }) => event !== 'Screen viewed'),
};

import { randomUuid, type Random } from '../../src/destinations/heap/simulator/seeded-random.js';
import { sortedMembers } from './go-json.js';
import { asciiWords, nonLatinWords, pick, userAgents, type Words } from './words.js';

/** What the envelope repeats of a message. */
export interface Message {
  readonly type: 'track' | 'identify';
  readonly event?: string;
  readonly messageId: string;
  readonly rudderId: string;
  readonly receivedAt: string;
}

const site = 'https://shop.hill-and-dale.example';
const firstEventMs = Date.UTC(2026, 2, 1, 8);

/**
 * An event of a web shop as RudderStack's browser SDK sends it and its gateway completes it, in the order of members in
 * which rudder-server writes its maps. Of ten events one is an identify, one an order with products, the others are
 * small tracks; a third of the visitors are anonymous. Drawn from `random` alone.
 */
export function drawMessage(random: Random, index: number, isNonLatin: boolean): Message {
  const words = isNonLatin ? nonLatinWords : asciiWords;
  const visitor = Math.floor(random() * 2_000);
  const sentMs = firstEventMs + index * 137 + Math.floor(random() * 100);
  const at = (offsetMs: number): string => new Date(sentMs + offsetMs).toISOString();
  const isIdentify = index % 10 === 3;
  const isKnown = isIdentify || visitor % 3 !== 0;
  const traits = isKnown ? drawTraits(random, words, visitor) : {};
  const message = {
    ...(isIdentify ? { type: 'identify' as const } : { type: 'track' as const, ...drawTrack(random, words, index) }),
    channel: 'web',
    context: drawContext(random, words, traits),
    integrations: { All: true },
    messageId: randomUuid(random),
    anonymousId: `8d9f1b52-6c3e-4f0a-9b7d-${String(visitor).padStart(12, '0')}`,
    userId: isKnown ? `user-${visitor}` : '',
    rudderId: `1f0c5a7e-02d4-4b8e-a6c9-${String(visitor).padStart(12, '0')}`,
    request_ip: `203.0.113.${visitor % 250}`,
    originalTimestamp: at(0),
    sentAt: at(4),
    receivedAt: at(180),
    timestamp: at(176),
  };
  return sortedMembers(message) as Message;
}

function drawContext(random: Random, words: Words, traits: object): object {
  const path = `/${pick(random, ['shoes', 'clothing', 'lighting'])}/${Math.floor(random() * 9_000)}`;
  const search = '?utm_source=newsletter&utm_medium=email&utm_campaign=spring';
  return {
    app: {
      name: 'RudderLabs JavaScript SDK',
      namespace: 'com.rudderlabs.javascript',
      version: '3.34.1',
      installType: 'cdn',
    },
    campaign: { source: 'newsletter', medium: 'email', name: 'spring' },
    ip: `203.0.113.${Math.floor(random() * 250)}`,
    library: { name: 'RudderLabs JavaScript SDK', version: '3.34.1', variant: 'modern' },
    locale: words.locale,
    os: { name: '', version: '' },
    page: {
      path,
      referrer: 'https://www.search.example/',
      referring_domain: 'www.search.example',
      search,
      title: pick(random, words.titles),
      url: `${site}${path}`,
      tab_url: `${site}${path}${search}`,
      initial_referrer: '$direct',
      initial_referring_domain: '',
    },
    screen: { width: 1440, height: 900, density: 2, innerWidth: 1440, innerHeight: 789 },
    sessionId: 1_772_352_000_000 + Math.floor(random() * 1e8),
    timezone: 'GMT+0100',
    traits,
    userAgent: pick(random, userAgents),
  };
}

function drawTraits(random: Random, words: Words, visitor: number): object {
  return {
    email: `user-${visitor}@mail.example`,
    firstName: pick(random, words.firstNames),
    lastName: pick(random, words.lastNames),
    plan: pick(random, ['free', 'pro', 'team']),
    age: 18 + (visitor % 60),
    newsletter: visitor % 2 === 0,
    createdAt: '2025-05-01T12:00:00.000Z',
    address: { city: pick(random, words.cities), country: 'AT', postalCode: String(1000 + (visitor % 9000)) },
  };
}

function drawTrack(
  random: Random,
  words: Words,
  index: number,
): { readonly event: string; readonly properties: object } {
  if (index % 10 === 7) {
    const products = Array.from({ length: 1 + Math.floor(random() * 3) }, () => drawProduct(random, words));
    return {
      event: 'Order Completed',
      properties: {
        order_id: `A-${index}`,
        currency: 'EUR',
        revenue: Math.round(random() * 30_000) / 100,
        tax: 12.5,
        coupon: null,
        shipping: { method: 'express', address: { city: pick(random, words.cities), country: 'AT' } },
        products,
      },
    };
  }
  const event = pick(random, [
    'Product Viewed',
    'Product Viewed',
    'Product Added',
    'Product List Viewed',
    'Cart Viewed',
  ]);
  return {
    event,
    properties: { ...drawProduct(random, words), currency: 'EUR', position: index % 24, is_sale: random() < 0.3 },
  };
}

function drawProduct(random: Random, words: Words): object {
  const number = Math.floor(random() * 5_000);
  return {
    product_id: `P${String(number).padStart(6, '0')}`,
    sku: `HD-${number}-B`,
    name: pick(random, words.products),
    category: pick(random, words.categories),
    price: 5 + (number % 200) + 0.95,
    quantity: 1 + (number % 3),
    url: `${site}/p/${number}?ref=list&pos=${number % 24}`,
  };
}

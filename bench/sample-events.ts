/**
 * Events of 1 to 2 KB as SDKs send them, in the mix of a web shop: of ten events four are pages, four are small
 * tracks, one is an order with products and one an identify. Each has the context that browser SDKs attach; a third of
 * the visitors are anonymous. The same for every run.
 */
export function sampleEvents(count: number): readonly object[] {
  return Array.from({ length: count }, (_unused, index) => sampleEvent(index));
}

function sampleEvent(index: number): object {
  switch (index % 10) {
    case 1:
      return { ...common(index), ...identify(index) };
    case 5:
      return { ...common(index), ...order(index) };
    case 0:
    case 3:
    case 6:
    case 9:
      return { ...common(index), ...page(index) };
    default:
      return { ...common(index), ...track(index) };
  }
}

function common(index: number): object {
  const user = String(index % 97).padStart(6, '0');
  const time = new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString();
  return {
    messageId: `ajs-next-${String(index).padStart(13, '0')}-3767c4b8-f3ff-43d1-b9b1`,
    anonymousId: `67c4b8f3-ff23-4179-b153-${user}000000`,
    userId: index % 3 === 0 ? null : `user-${user}@shop.example`,
    timestamp: time,
    originalTimestamp: time,
    sentAt: time,
    receivedAt: time,
    context: {
      page: {
        path: '/cart/checkout',
        referrer: 'https://search.example/?q=running+shoes',
        search: '?utm_source=newsletter&utm_campaign=spring',
        title: 'Shopping cart · Shoes and more',
        url: 'https://shop.example/cart/checkout?utm_source=newsletter&utm_campaign=spring',
      },
      userAgent:
        'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
      userAgentData: { brands: [{ brand: 'Chromium', version: '126' }], mobile: false, platform: 'macOS' },
      locale: 'en-US',
      library: { name: 'analytics.js', version: 'next-1.84.3' },
      campaign: { source: 'newsletter', name: 'spring', medium: 'email' },
      timezone: 'Europe/Berlin',
      ip: '203.0.113.9',
      screen: { width: 1440, height: 900, density: 2 },
    },
    integrations: { All: true, Heap: true },
    _metadata: { bundled: ['Segment.io'], unbundled: [], bundledIds: [] },
  };
}

function page(index: number): object {
  return {
    type: 'page',
    name: 'Product',
    category: 'Shop',
    properties: {
      path: `/shoes/running/${index}`,
      referrer: 'https://shop.example/shoes',
      search: '?color=blue',
      title: 'Running shoe · Shoes and more',
      url: `https://shop.example/shoes/running/${index}?color=blue`,
    },
  };
}

function track(index: number): object {
  return {
    type: 'track',
    event: 'Product Added',
    properties: {
      product_id: `SKU-${index}`,
      name: 'Running shoe',
      price: 39.95 + (index % 10),
      quantity: 1 + (index % 3),
      currency: 'EUR',
      is_sale: index % 2 === 0,
      coupon: null,
      experiment: { name: 'new-cart', variant: 'B' },
    },
  };
}

function order(index: number): object {
  return {
    type: 'track',
    event: 'Order Completed',
    properties: {
      order_id: `A-${index}`,
      revenue: 99.9 + (index % 10),
      currency: 'EUR',
      coupon: 'SPRING',
      is_first_order: index % 4 === 0,
      tags: ['shoes', 'sale', 'web'],
      products: [
        { sku: 'SKU-1', name: 'Running shoe', quantity: 2, price: 39.95 },
        { sku: 'SKU-2', name: 'Socks', quantity: 1, price: 9.95 },
      ],
      shipping: { method: 'express', address: { city: 'Springfield', country: 'US' } },
      payment_method: 'card',
    },
  };
}

function identify(index: number): object {
  const user = String(index % 97).padStart(6, '0');
  return {
    type: 'identify',
    userId: `user-${user}@shop.example`,
    traits: {
      email: `user-${user}@shop.example`,
      firstName: 'Ann',
      lastName: 'Example',
      plan: 'pro',
      age: 20 + (index % 50),
      newsletter: true,
      address: { city: 'Springfield', postalCode: '12345', country: 'US' },
      createdAt: '2024-05-01T12:00:00.000Z',
    },
  };
}

import type { JsonObject } from '../json.js';
import type { Random } from './random.js';

const products = [
  { sku: 'plan-team', name: 'Team plan', price: 12 },
  { sku: 'plan-business', name: 'Business plan', price: 24.5 },
  { sku: 'addon-reports', name: 'Reports add-on', price: 4.99 },
  { sku: 'addon-sso', name: 'Single sign-on', price: 7 },
  { sku: 'addon-storage', name: 'Storage, 100 GB', price: 3.49 },
] as const;

/** A basket as e-commerce events carry it: a list of objects, and what it costs. */
export interface Basket {
  readonly plan: 'team' | 'business';
  readonly products: readonly JsonObject[];
  readonly revenue: number;
}

export function makeBasket(random: Random): Basket {
  const plan = random.chance(0.7) ? 'team' : 'business';
  const seats = random.int(1, 25);
  const chosen = [
    ...products.filter(({ sku }) => sku === `plan-${plan}`),
    ...random.some(products.slice(2), random.int(0, 2)),
  ];
  return {
    plan,
    products: chosen.map(({ sku, name, price }, index) => ({
      product_id: sku,
      sku,
      name,
      price,
      quantity: index === 0 ? seats : 1,
      trial: false,
      coupon: null,
    })),
    revenue: cents(chosen.reduce((sum, { price }, index) => sum + price * (index === 0 ? seats : 1), 0)),
  };
}

export function cents(amount: number): number {
  return Math.round(amount * 100) / 100;
}

export const campaigns = [
  { source: 'newsletter', medium: 'email', name: 'spring-launch', content: 'hero' },
  { source: 'google', medium: 'cpc', name: 'brand', term: 'team boards' },
  { source: 'partner', medium: 'referral', name: 'agency-week' },
] as const satisfies readonly JsonObject[];

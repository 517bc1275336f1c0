import type { Random } from '../../src/destinations/heap/simulator/seeded-random.js';

/** The texts that people see and write; one set in ASCII, one without a Latin letter. */
export interface Words {
  readonly products: readonly string[];
  readonly titles: readonly string[];
  readonly firstNames: readonly string[];
  readonly lastNames: readonly string[];
  readonly cities: readonly string[];
  readonly categories: readonly string[];
  readonly locale: string;
}

export const asciiWords: Words = {
  products: [
    'Trail running shoe',
    'Merino socks, 3 pairs',
    'Head lamp 400 lm',
    'Rain jacket "Storm"',
    'Water bottle 0.7 l',
  ],
  titles: [
    'Running shoes - Hill & Dale Outfitters',
    'Your cart - Hill & Dale Outfitters',
    'Sale - Hill & Dale Outfitters',
  ],
  firstNames: ['Ann', 'Boris', 'Clara', 'Dmitri', 'Esther', 'Femi'],
  lastNames: ['Example', 'Miller', 'Okafor', 'Lindqvist', "O'Hara"],
  cities: ['Springfield', 'Leeds', 'Graz', 'Porto', 'Tampere'],
  categories: ['shoes', 'clothing', 'lighting', 'hydration'],
  locale: 'en-US',
};

export const nonLatinWords: Words = {
  products: [
    'トレイルランニングシューズ',
    'Шерстяные носки, 3 пары',
    'Φακός κεφαλής 400',
    '防水ジャケット「嵐」',
    '물병 0.7 🏔',
  ],
  titles: ['ランニングシューズ – 山と谷', 'Ваша корзина – Холмы и долины', '할인 – 언덕과 골짜기'],
  firstNames: ['桜', 'Борис', 'Κλάρα', '지우', 'أمل'],
  lastNames: ['山田', 'Мельник', 'Παπαδόπουλος', '김', 'حداد'],
  cities: ['大阪市', 'Харків', 'Θεσσαλονίκη', '부산', 'القاهرة'],
  categories: ['靴', 'одежда', 'φωτισμός', '물병'],
  locale: 'ja-JP',
};

export const userAgents: readonly string[] = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
];

export function pick<T>(random: Random, choices: readonly [T, ...T[]] | readonly T[]): T {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new Error('there is nothing to pick from');
  return choice;
}

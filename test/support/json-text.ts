import fc from 'fast-check';

/** Texts of scalars that a reader of bytes could take for something else than JSON.parse does. */
const oddScalars = [
  ...['0', '-0', '-0.0', '-0.5', '1.0', '1e5', '1E+2', '1e-7', '12345678901234567890', '1e400', '-1e400', '1e-400'],
  ...['0.1e99', '123456789e99', `1${'0'.repeat(120)}`, `0.${'0'.repeat(150)}1`],
  ...[
    'null',
    'true',
    'false',
    '""',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"é"',
    '"日本"',
    '"\\/\\b\\f"',
  ],
  ...['"a\\"b"', '"\\\\"', '"\\\\\\""', '"undefined"', '{}', '[]', '[[]]', '{"":1}', '{"a":{}}', '[null]'],
];

/** What is no JSON, and would be if a reader were careless. */
const brokenScalars = [
  ...['01', '-', '1.', '.5', '1e', '1e+', '+1', 'nul', 'nulll', 'True', 'NaN', 'Infinity', '"', '"\\x"', '"\\u12"'],
  ...[
    "'a'",
    '"a\nb"',
    '"a\tb"',
    '{',
    '[',
    '[1,]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    '{"a":1 "b":2}',
    '[1 2]',
    '',
    ',',
    ':',
  ],
];

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\t', '\r\n  ');

/** A string's JSON text, with characters written as escapes here and there. */
export function stringText(value: string, escapes: readonly boolean[]): string {
  const plain = JSON.stringify(value).slice(1, -1);
  if (/[\\]/.test(plain)) return `"${plain}"`;
  return `"${Array.from(plain)
    .map((character, index) =>
      escapes[index % Math.max(escapes.length, 1)] === true && character.length === 1
        ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
        : character,
    )
    .join('')}"`;
}

/** Keys are mostly written plainly, now and then with escapes. */
export function keyText(key: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.integer({ min: 0, max: 25 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }))
    .map(([dice, escapes]) => stringText(key, dice === 0 ? escapes : [false]));
}

/** An object's JSON text of members that may be there, in any order, with white space, now and then with repeats. */
export function objectText(members: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> {
  const texts = Object.entries(members).map(([key, value]) =>
    fc
      .tuple(keyText(key), space, space, value, space)
      .map(([name, before, after, text, end]) => `${name}${before}:${after}${text}${end}`),
  );
  const [first, ...others] = texts;
  if (first === undefined) return fc.constant('{}');
  const some = fc.subarray([first, ...others], { minLength: 0 });
  const all = fc.constant([first, ...others]);
  return fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: all }, { weight: 1, arbitrary: some }),
      fc.integer({ min: 0, max: 12 }),
      fc.boolean(),
    )
    .chain(([chosen, repeat, isShuffled]) => {
      const again = chosen[repeat];
      const list = again === undefined || repeat > 2 ? chosen : [...chosen, again];
      const parts = fc.tuple(...list);
      return isShuffled ? parts.chain((texts) => fc.shuffledSubarray(texts, { minLength: texts.length })) : parts;
    })
    .chain((texts) => space.map((inside) => `{${inside}${texts.join(',')}}`));
}

export function oneOfTexts(...texts: readonly string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...texts);
}

/** Any JSON value's text. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...oddScalars) },
  { weight: 3, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)) },
);

/** Mostly JSON, now and then none. */
export const hardlyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 20, arbitrary: anyText },
  { weight: 1, arbitrary: fc.constantFrom(...brokenScalars) },
);

/** Changes a few bytes, or none: replaces, removes, repeats or inserts. */
export function mutateBytes(bytes: Buffer, changes: readonly (readonly [number, number, number])[]): Buffer {
  let out = bytes;
  for (const [place, what, byte] of changes) {
    if (out.length === 0) return out;
    const at = place % out.length;
    const middle =
      what === 0 ? [byte] : what === 1 ? [] : what === 2 ? [byte, out[at] ?? 0] : [out[at] ?? 0, out[at] ?? 0];
    out = Buffer.concat([out.subarray(0, at), Buffer.from(middle), out.subarray(at + 1)]);
  }
  return out;
}

import zlib from 'node:zlib';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

/** CRC-32 in JavaScript, for Node before 20.15, whose zlib has none. */
export function slowCrc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (table[(sum ^ byte) & 0xff] ?? 0);
  return (sum ^ 0xffffffff) >>> 0;
}

/** CRC-32 of the bytes, as in zlib: tells a record that was stored from one that the disk made up. */
export const crc32: (bytes: Uint8Array) => number =
  typeof (zlib as Partial<typeof zlib>).crc32 === 'function' ? (bytes) => zlib.crc32(bytes) : slowCrc32;

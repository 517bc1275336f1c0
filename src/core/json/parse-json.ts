import type { Json } from './json.js';

/** The value of a JSON text in UTF-8; `undefined` for what is not JSON. */
export function parseJson(text: Buffer): Json | undefined {
  try {
    return JSON.parse(text.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}

import type { Request } from 'express';

/** What was read, or what is wrong, with what would be right. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/** The parameters of a query, each once. One that is not known is a fault, or a slip of the pen would look like an answer. */
export function readParameters(query: URLSearchParams, known: readonly string[]): Read<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const [name, value] of query) {
    if (!known.includes(name)) return unknown('parameter', name, known);
    if (values.has(name)) return fault(`"${name}" is given more than once`);
    values.set(name, value);
  }
  return { ok: true, value: values };
}

export function unknown(what: string, name: string, known: readonly string[]): Read<never> {
  return fault(`there is no ${what} "${name.slice(0, 50)}"; there are ${known.join(', ')}`);
}

export function readLimit(text: string | undefined, standard: number, max: number): Read<number> {
  if (text === undefined) return { ok: true, value: standard };
  const limit = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Infinity;
  return limit <= max ? { ok: true, value: limit } : fault(`"limit" is a number from 1 to ${max}`);
}

export function fault(message: string): Read<never> {
  return { ok: false, message };
}

export function queryOf(request: Request): URLSearchParams {
  return new URL(request.originalUrl, 'http://operator').searchParams;
}

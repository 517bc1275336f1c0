import type { JsonObject } from '../json/json.js';
import { compilePath, parsePath } from './path.js';
import { toText } from './conversions/text.js';

export type CompiledTemplate = (source: JsonObject) => string | undefined;

/**
 * Compiles `Viewed {{ name || home }} page`: each `{{ path }}` is filled with the text found at the path in the event,
 * or with what stands after `||`. A place that finds neither makes the whole template absent, so that a rule's default
 * can step in.
 *
 * @returns the template, or a sentence that says what is wrong with it.
 */
export function compileTemplate(template: string): CompiledTemplate | string {
  const parts: CompiledTemplate[] = [];
  const place = /\{\{(.*?)\}\}/g;
  let end = 0;
  for (const match of template.matchAll(place)) {
    const literal = template.slice(end, match.index);
    if (literal !== '') parts.push(() => literal);
    const compiled = compilePlace(match[1] ?? '');
    if (typeof compiled === 'string') return compiled;
    parts.push(compiled);
    end = match.index + match[0].length;
  }
  if (parts.length === 0) return `template "${template}" has no {{ path }}`;
  const tail = template.slice(end);
  if (tail !== '') parts.push(() => tail);

  return (source) => {
    let text = '';
    for (const part of parts) {
      const value = part(source);
      if (value === undefined) return undefined;
      text += value;
    }
    return text;
  };
}

function compilePlace(place: string): CompiledTemplate | string {
  const bar = place.indexOf('||');
  const keys = parsePath((bar === -1 ? place : place.slice(0, bar)).trim());
  if (typeof keys === 'string') return keys;
  const fallback = bar === -1 ? undefined : place.slice(bar + 2).trim();
  const read = compilePath(keys);
  return (source) => {
    const value = read(source);
    return value === undefined || value === null || value === '' ? fallback : (toText(value) ?? fallback);
  };
}

/**
 * A text as PostgreSQL can hold it: its texts have no NUL, and UTF-8 no lone surrogates. They become `\uXXXX`, and so does
 * a backslash that would be taken for the start of one. Every other text stays as it is.
 */
export function toColumn(text: string): string {
  return text.replace(/\0|\p{Surrogate}|\\(?=u[0-9a-f]{4})/gu, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** What `toColumn` was given. */
export function fromColumn(column: string): string {
  return column.replace(/\\u([0-9a-f]{4})/g, (_escape, unit: string) => String.fromCharCode(Number.parseInt(unit, 16)));
}

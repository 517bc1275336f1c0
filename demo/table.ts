/** Rows as text columns: the first left-aligned, then numbers to the right and text to the left. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)));
  const widths: number[] = [];
  for (const row of texts) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  const isNumeric = widths.map((_, index) => rows.slice(1).every((row) => typeof row[index] === 'number'));
  return texts
    .map((row) => row.map((cell, index) => pad(cell, widths[index] ?? 0, isNumeric[index] ?? false)).join('  '))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}

/** 1,234,567 */
export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function pad(text: string, width: number, toTheRight: boolean): string {
  return toTheRight ? text.padStart(width) : text.padEnd(width);
}

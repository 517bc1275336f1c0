import { median } from '../support.js';

/** `0.21 (0.18-0.25)`: the median, the least and the most. */
export function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return '-';
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}-${most.toFixed(digits)})`;
}

/** Cells in columns: the first to the left, the others to the right. */
export function columns(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return index === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return `${padded.join('').trimEnd()}\n`;
}

export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

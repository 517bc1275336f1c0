/** Without characters that a terminal would obey: what is shown was sent by somebody. */
export function plainLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '·');
}

/**
 * Rows under a header, in columns as wide as their longest cell; lines are cut to `width`, where one is given, at their
 * end.
 */
export function table(header: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const cells = [header, ...rows.map((row) => row.map(plainLine))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.map((line) => (width === undefined ? line : line.slice(0, width))).join('\n')}\n`;
}

import type { Adjustments } from '../../core/adjustments.js';

/** Well-formed text without NUL: UTF-8 has no half surrogate pairs, and databases refuse NUL. */
export function plainText(text: string, where: string, adjustments: Adjustments): string {
  let plain = text;
  if (!plain.isWellFormed()) {
    adjustments.note('surrogate_replaced', where.toWellFormed());
    plain = plain.toWellFormed();
  }
  if (plain.includes('\0')) {
    adjustments.note('nul_removed', where);
    plain = plain.replaceAll('\0', '');
  }
  return plain;
}

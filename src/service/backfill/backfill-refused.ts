/** What was asked for can't be done as it was asked; nothing was done. */
export class BackfillRefused extends Error {
  override readonly name = 'BackfillRefused';
}

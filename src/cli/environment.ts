/** A variable that is set to nothing counts as not set, as container platforms like to leave them. */
export function unlessEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

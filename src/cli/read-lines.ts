import { StringDecoder } from 'node:string_decoder';

/** A line without its end, or how long one was that is longer than anybody may keep in memory. */
export type InputLine = { readonly text: string } | { readonly tooLong: true };

/**
 * The lines of a stream of UTF-8, each at most `maxLength` characters; a longer one is passed over as it comes in, so
 * that memory is bounded whatever the input is. Ends of lines may be LF or CRLF; the last one may lack its end.
 */
export async function* readLines(input: AsyncIterable<Buffer>, maxLength: number): AsyncGenerator<InputLine> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let isSkipping = false;
  for await (const chunk of input) {
    const pieces = (rest + decoder.write(chunk)).split('\n');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      yield isSkipping || piece.length > maxLength ? { tooLong: true } : { text: withoutReturn(piece) };
      isSkipping = false;
    }
    if (rest.length > maxLength) {
      isSkipping = true;
      rest = '';
    }
  }
  const last = rest + decoder.end();
  if (isSkipping) yield { tooLong: true };
  else if (last !== '') yield { text: withoutReturn(last) };
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

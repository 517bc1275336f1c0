import type { ClientRequest, IncomingMessage } from 'node:http';

import type { Json } from '../../core/json/json.js';

export type UpstreamFeatures =
  | { readonly type: 'known'; readonly value: Json }
  | { readonly type: 'status'; readonly status: number; readonly body: string }
  | { readonly type: 'unreachable'; readonly detail: string };

/** A features document has some 3 kB. */
const maxFeaturesBytes = 1024 * 1024;

/** Opens the call for the features, sends it and reads its answer. Never rejects. */
export async function readFeatures(open: () => ClientRequest): Promise<UpstreamFeatures> {
  try {
    const call = open();
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      call.once('response', resolve);
      call.on('error', reject);
      call.once('close', () => {
        reject(new Error('no answer'));
      });
      call.end();
    });
    const body = await readText(answer);
    if (answer.statusCode !== 200) return { type: 'status', status: answer.statusCode ?? 0, body };
    return { type: 'known', value: JSON.parse(body) as Json };
  } catch (error) {
    return { type: 'unreachable', detail: describe(error) };
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxFeaturesBytes) throw new Error(`features of more than ${maxFeaturesBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function describe(error: unknown): string {
  if (error instanceof SyntaxError) return 'features that are no JSON';
  // Of several addresses that were tried, Node says nothing but the code.
  const { code, message } = error as NodeJS.ErrnoException;
  return message === '' ? String(code) : message;
}

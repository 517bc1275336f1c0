import type { Response } from 'express';

/**
 * Answers with these texts at the reader's pace: the next one is asked for when there is room for it, and none any more
 * once the reader has left. A fault before the first text is the caller's; a later one breaks the answer off, so that
 * nobody takes it for whole.
 */
export async function streamAnswer(response: Response, type: string, texts: AsyncIterable<string>): Promise<void> {
  try {
    for await (const text of texts) {
      if (!response.headersSent) response.setHeader('Content-Type', type);
      if (!response.write(text)) await hasRoom(response);
      if (response.destroyed) return;
    }
    if (!response.headersSent) response.setHeader('Content-Type', type);
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    response.destroy();
  }
}

function hasRoom(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    if (response.destroyed) done();
  });
}

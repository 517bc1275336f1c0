import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { DirectoryInUse } from './directory-in-use.js';

const ownerPattern = /^owner-[0-9a-f]+\.sock$/;
/** An owner that takes the connection and says nothing for this long is stopped, and an owner all the same. */
const answerMs = 1_000;
/** What fits into a socket's address on Linux; elsewhere less. */
const maxPathBytes = 107;

/** What a connection to a socket came to. */
type Answer = { readonly type: 'nobody' } | { readonly type: 'owner'; readonly says: string };

/**
 * Holds a directory for one process: by a socket in it, which has nobody behind it as soon as the process is gone,
 * however it went. A file with a process id tells nothing between containers, each of which has its own process 1.
 *
 * Each who wants the directory first listens, then looks whether anybody else does. Of two who come at once at least one
 * sees the other; both may, and give up. Nobody removes the socket of somebody who listens, because a socket gets its
 * name when it does.
 *
 * @returns gives the directory back.
 * @throws DirectoryInUse
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const token = randomBytes(6).toString('hex');
  const own = `owner-${token}.sock`;
  const server = await listen(join(directory, `${token}.sock`));
  const release = async (): Promise<void> => {
    await rm(join(directory, own), { force: true });
    await new Promise<void>((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
  };
  try {
    await rename(join(directory, `${token}.sock`), join(directory, own));
    for (const name of await readdir(directory)) {
      if (name === own || !ownerPattern.test(name)) continue;
      const answer = await ask(join(directory, name));
      if (answer.type === 'owner') throw new DirectoryInUse(`${directory} is in use by ${answer.says}`);
      await rm(join(directory, name), { force: true });
    }
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

async function listen(path: string): Promise<Server> {
  if (Buffer.byteLength(path) + 'owner-'.length > maxPathBytes) {
    throw new Error(`${path} is too long for the socket that guards the directory: choose a shorter path`);
  }
  const since = new Date().toISOString();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`process ${process.pid} on ${hostname()}, since ${since}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve);
  });
  // A connection that can't be taken is none of the owner's business.
  server.on('error', () => undefined);
  // Holding the directory is no reason to stay alive.
  return server.unref();
}

function ask(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    let says = '';
    const socket = createConnection(path);
    const settle = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .setEncoding('utf8')
      .setTimeout(answerMs, () => {
        settle({ type: 'owner', says: 'a process that does not answer' });
      })
      .on('data', (text: string) => (says += text))
      .on('end', () => {
        settle({ type: 'owner', says: says === '' ? 'a process that is starting or stopping' : says });
      })
      .on('error', (error: NodeJS.ErrnoException) => {
        const nobody = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
        settle(
          nobody ? { type: 'nobody' } : { type: 'owner', says: `a process that can't be asked: ${error.message}` },
        );
      });
  });
}

import { open, type FileHandle } from 'node:fs/promises';

/** Bytes written at once to make room. */
const stepBytes = 4 * 2 ** 20;

/**
 * Room on disk for what LMDB is about to write. LMDB says "input/output error" when the disk is full as when it fails,
 * and the one passes while the other must stop the process. So the file is lengthened with zeros before a transaction
 * needs it, where the error can be told; LMDB finds its pages there.
 */
export class Room {
  readonly #file: FileHandle;
  #size: number;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string): Promise<Room> {
    const file = await open(path, 'r+');
    return new Room(file, (await file.stat()).size);
  }

  /** Resolves when the file is at least this long; rejects with the error of the file system when it can't be. */
  async reach(bytes: number): Promise<void> {
    while (this.#size < bytes) {
      const zeros = Buffer.alloc(Math.min(stepBytes, roundUp(bytes - this.#size)));
      const { bytesWritten } = await this.#file.write(zeros, 0, zeros.length, this.#size);
      this.#size += bytesWritten;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** To a quarter of a mebibyte: small files stay small, and not every transaction lengthens the file. */
function roundUp(bytes: number): number {
  const unit = 2 ** 18;
  return Math.ceil(bytes / unit) * unit;
}

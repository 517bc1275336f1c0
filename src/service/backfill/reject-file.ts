import { open, stat, type FileHandle } from 'node:fs/promises';

import { BackfillRefused } from './backfill-refused.js';

/** The file of rejected lines, made when there is one. */
export class RejectFile {
  #handle: FileHandle | undefined;

  private constructor(
    readonly path: string,
    private size: number,
  ) {}

  /**
   * @param bytes what a checkpoint knows of it; what stands behind is written anew. Undefined for a backfill that begins.
   * @throws BackfillRefused when a backfill that begins finds one there.
   */
  static async open(path: string, bytes: number | undefined): Promise<RejectFile> {
    const found = await stat(path).catch(() => undefined);
    if (bytes === undefined && found !== undefined && found.size > 0) {
      throw new BackfillRefused(
        `${path} is there already: give another path with --rejects, or --restart to write it anew`,
      );
    }
    const file = new RejectFile(path, Math.min(bytes ?? 0, found?.size ?? 0));
    if (found !== undefined) await file.#truncate();
    return file;
  }

  get bytes(): number {
    return this.size;
  }

  /** Resolves when the lines are on disk. */
  async append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const handle = (this.#handle ??= await open(this.path, 'a'));
    const text = Buffer.from(`${lines.join('\n')}\n`);
    await handle.writeFile(text);
    await handle.sync();
    this.size += text.length;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  async #truncate(): Promise<void> {
    const handle = await open(this.path, 'r+');
    await handle.truncate(this.size);
    await handle.close();
  }
}

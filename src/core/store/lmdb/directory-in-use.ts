/** Somebody else has the directory, and lives. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
}

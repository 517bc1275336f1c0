/** The exit codes of every command. */
export const exitCodes = {
  ok: 0,
  /** The command did its work, and some of it was rejected or failed. */
  rejected: 1,
  /** The command line or the configuration is wrong; nothing was done. */
  usage: 2,
} as const;

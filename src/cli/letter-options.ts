/** Options that choose dead letters. */
export interface LetterOptions {
  readonly lane?: string;
  readonly appId?: string;
  readonly region?: string;
  readonly connection?: string;
  readonly reason?: string;
  readonly messageId?: string;
  readonly since?: string;
  readonly until?: string;
  readonly operator?: string;
  readonly json?: true;
}

/** The filter as the operator port names it. */
export function letterQuery(options: LetterOptions): Readonly<Record<string, string>> {
  const { lane, appId, region, connection, reason, messageId, since, until } = options;
  const query = { lane, app_id: appId, region, connection, reason, message_id: messageId, since, until };
  return Object.fromEntries(Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What the demo looks at in a dead letter. */
export interface Letter {
  readonly messageId: string;
  readonly connection: string;
  readonly reason: string;
}

/** Every event that the service rejected and keeps. */
export async function readDeadLetters(operatorUrl: string): Promise<readonly Letter[]> {
  const url = `${operatorUrl}/dead-letters/export`;
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${text.slice(0, 500)}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Letter);
}

/** How a connection's webhook door knows its sender. */
export type WebhookSetting = SecretSetting | SignatureSetting;

/** The sender shows the secret itself, as `Authorization: Bearer SECRET` or `X-Webhook-Secret: SECRET`. */
export interface SecretSetting {
  readonly secret: string;
}

/** The sender signs the body as it sends it: the HMAC of its bytes, in hexadecimal digits, in a header. */
export interface SignatureSetting {
  readonly hmacSecret: string;
  readonly header: string;
  readonly algorithm: SignatureAlgorithm;
}

export type SignatureAlgorithm = 'sha1' | 'sha256' | 'sha512';

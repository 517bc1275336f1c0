import { generateKeyPairSync, sign } from 'node:crypto';

/** PEM texts, as TLS servers of Node take them. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Object identifiers and constants in DER (ITU-T X.690; the structure is that of RFC 5280 §4.1). */
const ecdsaWithSha256 = hex('06082a8648ce3d040302');
const commonName = hex('0603550403');
const subjectAltName = hex('0603551d11');
const version3 = hex('020102');
const serialNumber = hex('020101');
const loopback = hex('7f000001');

/**
 * A certificate for 127.0.0.1 that nobody but its own key has signed. Node makes keys and signatures but no
 * certificates, so its few fields are put together here.
 *
 * @param validFrom, validUntil before 2050, where this form of a time ends.
 */
export function selfSignedCertificate(validFrom: Date, validUntil: Date): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(ecdsaWithSha256);
  const name = sequence(set(sequence(commonName, utf8('127.0.0.1'))));
  const address = sequence(subjectAltName, octets(sequence(tagged(0x87, loopback))));
  const content = sequence(
    tagged(0xa0, version3),
    serialNumber,
    algorithm,
    name,
    sequence(utcTime(validFrom), utcTime(validUntil)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(address)),
  );
  const certificate = sequence(content, algorithm, bits(sign('sha256', content, privateKey)));
  const lines = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

function tagged(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function sequence(...content: readonly Buffer[]): Buffer {
  return tagged(0x30, ...content);
}

function set(...content: readonly Buffer[]): Buffer {
  return tagged(0x31, ...content);
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content);
}

function bits(content: Buffer): Buffer {
  return tagged(0x03, hex('00'), content);
}

function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

/** YYMMDDHHMMSSZ */
function utcTime(date: Date): Buffer {
  return tagged(0x17, Buffer.from(date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '') + 'Z'));
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

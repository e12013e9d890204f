import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** The part of DER (ITU-T X.690) that a certificate needs. */
const tag = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
};
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const day = 86_400_000;

/**
 * A key and a certificate for `localhost`, `127.0.0.1` and `::1`, as PEM, for an authority that serves https. No client trusts it,
 * unless it gets the certificate as a CA (`ca`, NODE_EXTRA_CA_CERTS). Valid for two days.
 */
export function selfSignedCertificate(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(tag.set, sequence(oid('550403'), der(tag.utf8, Buffer.from('localhost')))));
  const body = sequence(
    der(0xa0, der(tag.integer, Buffer.from([2]))),
    der(tag.integer, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + 2 * day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(subjectAltName(), basicConstraints())),
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = sequence(body, ecdsaWithSha256, der(tag.bits, Buffer.concat([Buffer.from([0]), signature])));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}

function subjectAltName(): Buffer {
  const [dnsName, ipAddress] = [0x82, 0x87];
  const names = sequence(
    der(dnsName, Buffer.from('localhost')),
    der(ipAddress, Buffer.from([127, 0, 0, 1])),
    der(ipAddress, Buffer.from(`${'00'.repeat(15)}01`, 'hex')),
  );
  return sequence(oid('551d11'), der(tag.octets, names));
}

/** It is its own certificate authority. */
function basicConstraints(): Buffer {
  return sequence(oid('551d13'), der(tag.octets, sequence(Buffer.from([0x01, 0x01, 0xff]))));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(tag.sequence, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(tag.oid, Buffer.from(hex, 'hex'));
}

function utcTime(time: number): Buffer {
  const digits = new Date(time).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(tag.utcTime, Buffer.from(`${digits}Z`));
}

function der(type: number, content: Buffer): Buffer {
  const { length } = content;
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([type, ...(length < 128 ? [length] : long)]), content]);
}

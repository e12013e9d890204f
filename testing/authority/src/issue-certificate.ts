import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** The tags of DER (ITU-T X.690) that a certificate needs. */
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
const yes = Buffer.from([0x01, 0x01, 0xff]);
const day = 86_400_000;

/** The key and the certificate of a server, and the certificate of the authority that issued it, as PEM. */
export interface IssuedCertificate {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/**
 * A certificate for an https server at `localhost`, `127.0.0.1` and `::1`, from a certificate authority of its own. A client trusts it if
 * it gets `ca` (by an option, NODE_EXTRA_CA_CERTS, or settings of a browser). Valid from a day before `at` (default now) to two days after
 * it.
 *
 * The authority and the server have a certificate each, because Firefox refuses one for both, even if it is imported.
 */
export function issueCertificate({ at = Date.now() }: { at?: number } = {}): IssuedCertificate {
  const authority = { name: commonName('A certificate authority of tests'), ...makeKeyPair() };
  const server = { name: commonName('localhost'), ...makeKeyPair() };
  return {
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: certify(server, authority, [subjectAltName(), basicConstraints(false)], at),
    ca: certify(authority, authority, [basicConstraints(true)], at),
  };
}

interface Party {
  readonly name: Buffer;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function makeKeyPair(): Pick<Party, 'privateKey' | 'publicKey'> {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function commonName(text: string): Buffer {
  return sequence(der(tag.set, sequence(oid('550403'), der(tag.utf8, Buffer.from(text)))));
}

/** A certificate of RFC 5280 around the time `at`, as PEM: the issuer states that the subject has this name and key. */
function certify(subject: Party, issuer: Party, extensions: Buffer[], at: number): string {
  const body = sequence(
    der(0xa0, der(tag.integer, Buffer.from([2]))),
    der(tag.integer, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    issuer.name,
    sequence(utcTime(at - day), utcTime(at + 2 * day)),
    subject.name,
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, issuer.privateKey);
  const certificate = sequence(body, ecdsaWithSha256, der(tag.bits, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
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

/** The extension that says whether the key may sign certificates. */
function basicConstraints(isAuthority: boolean): Buffer {
  const content = isAuthority ? sequence(yes) : sequence();
  return sequence(oid('551d13'), yes, der(tag.octets, content));
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

import { randomBytes, randomUUID } from 'node:crypto';
import type Provider from 'oidc-provider';

/** Makes codes and tokens look like those of personal accounts: long, and with characters that a form has to encode. */
export function mintAsMicrosoft(provider: Provider, onIssued: (secret: string) => void): void {
  const opaque = (bytes: number): string => randomBytes(bytes).toString('base64');
  const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
  const mints: [model: object, mint: () => string][] = [
    [provider.AccessToken, () => `EwB4A8l6BAAU${opaque(768)}`],
    [provider.RefreshToken, () => `M.C5${hex(2)}_BL2.0.U.-${opaque(288).replaceAll('+', '!').replaceAll('/', '*')}$$`],
    [provider.AuthorizationCode, () => `M.C5${hex(2)}_BL2.2.U.${randomUUID()}`],
    [provider.DeviceCode, () => `DAQABIQEAAAB${randomBytes(96).toString('base64url')}`],
  ];
  for (const [model, mint] of mints) {
    // oidc-provider's models make their value with this method, which is not in the published types.
    const { prototype } = model as { prototype: { generateTokenId(): string } };
    const original = prototype.generateTokenId;
    prototype.generateTokenId = function () {
      original.call(this);
      const secret = mint();
      onIssued(secret);
      return secret;
    };
  }
}

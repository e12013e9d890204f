import { existsSync } from 'node:fs';
import type * as OidcProvider from 'oidc-provider';

const inOneFile = new URL('../../dist/oidc-provider.js', import.meta.url);

/** oidc-provider, bundled by src/build.ts to load in half the time. Without a build, the package itself. */
const library: typeof OidcProvider = await import(existsSync(inOneFile) ? inOneFile.href : 'oidc-provider');

export const { default: OidcProviderClass, errors, interactionPolicy } = library;

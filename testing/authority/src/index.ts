export { accountPassword } from './accounts.ts';
export { type Authority, type AuthorityOptions, startAuthority } from './authority.ts';
export type { Endpoint, Fault, FaultOptions } from './faults.ts';
export type { ServedRequest } from './request-log.ts';
export { type Page, ScriptedBrowser } from './scripted-browser.ts';
export { selfSignedCertificate } from './self-signed-certificate.ts';
export { approveDevice, type SignInAsOptions, signInAs, signInElsewhere } from './sign-in-as.ts';

export { type Page, ScriptedBrowser } from 'testing-browsers/scripted-browser';
export { accountPassword } from './accounts.ts';
export type { Authority, AuthorityOptions } from './authority.ts';
export { freePort } from './free-port.ts';
export { type IssuedCertificate, issueCertificate } from './issue-certificate.ts';
export type { Endpoint, Fault, FaultOptions } from './requests/faults.ts';
export type { ServedRequest } from './requests/request-log.ts';
export { approveDevice, type SignInAsOptions, signInAs, signInElsewhere } from './sign-in-as.ts';
export { startAuthority } from './start-authority.ts';

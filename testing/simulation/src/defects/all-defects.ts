import type { Defect } from './defect.ts';
import { lostSignInDefects } from './lost-sign-in-defects.ts';
import { providerDefects } from './provider-defects.ts';
import { recordDefects } from './record-defects.ts';
import { refreshDefects } from './refresh-defects.ts';
import { signInDefects } from './sign-in-defects.ts';
import { tokenDefects } from './token-defects.ts';
import { worldDefects } from './world-defects.ts';

/** Mistakes that the simulation has to find. */
export const defects: readonly Defect[] = [
  ...refreshDefects,
  ...recordDefects,
  ...signInDefects,
  ...lostSignInDefects,
  ...tokenDefects,
  ...providerDefects,
  ...worldDefects,
];

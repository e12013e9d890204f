/** Makes the secrets of an authorization request, and compares them. */
import { createChallenge, createPkce, createState, isSameState, type Pkce } from 'pkce-state';

const state = createState();
const pkce: Pkce = await createPkce();
const matches = isSameState(state, state) && (await createChallenge(pkce.verifier)) === pkce.challenge;
console.log(matches ? pkce.method : 'no match');

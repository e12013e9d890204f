/** The program behind `scriptedBrowser`. SCRIPTED_BROWSER has its options. */
// The main entry of testing-authority would load the whole provider.
import { signInAs } from 'testing-authority/sign-in-as';

const [url] = process.argv.slice(2);
if (!url) throw new Error('the address to open is missing');
await signInAs(url, { signal: AbortSignal.timeout(30_000), ...JSON.parse(process.env.SCRIPTED_BROWSER ?? '{}') });

/** Seals a record, opens it again, and counts the cases of the contract: `node program`. */
import { checkRecord, TokenCipher, type TokenRecord } from 'token-store-kit';
import { storeContract } from 'token-store-kit/contract';

const cipher = new TokenCipher({ key: 'a passphrase', domain: 'rehearsal' });
const record: TokenRecord = checkRecord({ refreshToken: 'the-token' });
const opened = cipher.open('app', cipher.seal('app', record));
const cases = storeContract({
  open: () => {
    throw new Error('no case is run here');
  },
});
console.log(cases.length > 20 ? opened?.refreshToken : 'too few cases');

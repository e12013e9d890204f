import type { Invariants } from './invariant.ts';
import { isOf } from './questions.ts';

/** When the store has written or deleted a record. */
export const storeInvariants: Invariants = {
  written: {
    'No sign-in is stored after a sign-out that came after it began'({ record }, history) {
      const family = history.familyOf(record);
      const { instance, openedAt = 0 } = family?.window ?? {};
      return instance?.signOuts.some((startedAt) => startedAt >= openedAt) ? `sign-in ${family?.id}` : undefined;
    },
    'A sign-in does not undo the sign-out of another process, if it has read what that deleted'(fact, history) {
      if (fact.before || history.had('store')) return undefined;
      const family = history.familyOf(fact.record);
      const { found, instance } = family?.window ?? {};
      const isByOther = found?.signedOut && found.signedOut.by !== instance?.process;
      return isByOther && !family?.wasStored ? `sign-in ${family?.id} after ${found.id}` : undefined;
    },
    'Nothing that a sign-out deleted is stored again by a process whose writes were answered'({ record, by }, history) {
      const family = history.familyOf(record);
      return family?.signedOut && by && !history.hadNoAnswer.has(by) ? `sign-in ${family.id}` : undefined;
    },
    'No older refresh token takes the place of a newer one'({ before, record, by }, { refreshTokens }) {
      const was = refreshTokens.get(before?.refreshToken ?? '');
      const is = refreshTokens.get(record.refreshToken ?? '');
      if (!by || !was || is?.family !== was.family) return undefined;
      return is.generation < was.generation ? `refresh token ${is.generation} over ${was.generation}` : undefined;
    },
    'No sign-in takes the place of one that began after it had ended'({ before, record, by }, history) {
      if (!by || history.had('clock')) return undefined;
      const [was, is] = [history.familyOf(before), history.familyOf(record)];
      const endedAtMs = is?.window ? (is.signedInAtMs ?? 0) : -1;
      const isEarlier = was?.window && was !== is && endedAtMs < was.window.openedAtMs;
      return isEarlier ? `sign-in ${is?.id} over sign-in ${was.id}` : undefined;
    },
    'A record keeps its refresh token until there is another one'({ before, record }, history) {
      const isGone = before?.refreshToken !== undefined && record.refreshToken === undefined;
      const family = history.familyOf(record);
      return isGone && family === history.familyOf(before) ? `that of sign-in ${family?.id} is gone` : undefined;
    },
    'Data stays with its sign-in until a response brings other data'({ record, by }, history) {
      const access = by && history.accesses.get(record.accessToken ?? '');
      return access && record.data?.of !== access.data ? `${record.data?.of} instead of ${access.data}` : undefined;
    },
    'The tokens of a record are of one sign-in'({ record, by }, { accesses, refreshTokens }) {
      const one = accesses.get(record.accessToken ?? '')?.family;
      const other = refreshTokens.get(record.refreshToken ?? '')?.family;
      return by && one && other && one !== other ? `of ${one.id} and ${other.id}` : undefined;
    },
    'A record says whose it is, and stays under its name'({ name, record, by }, history) {
      const family = history.familyOf(record);
      const isRight = family?.name === name && (family.isBare || record.clientId === family.clientId);
      return isRight || !by ? undefined : `sign-in ${family?.id} is of ${family?.clientId}, ${family?.name}`;
    },
  },
  'revoke-called': {
    'revoke is called for a record of this client, when it has been deleted'({ instance, record }, history) {
      const family = history.familyOf(record);
      if (!family || !isOf(family, instance)) return `sign-in ${family?.id} is of ${family?.clientId}`;
      const isStored = history.familyOf(history.stored.get(instance.name)) === family;
      return isStored && !history.had('store') ? `sign-in ${family.id} is still stored` : undefined;
    },
  },
  deleted: {
    'Only a sign-out deletes a record'({ name, before }, { signingOut }) {
      return signingOut.get(name) ? undefined : `${before.refreshToken}`;
    },
  },
};

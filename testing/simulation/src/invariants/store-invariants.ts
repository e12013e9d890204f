import type { Invariants } from './invariant.ts';
import { isOf } from './questions.ts';

/** When the store has written or deleted a record. */
export const storeInvariants: Invariants = {
  written: [
    {
      promise: 'No sign-in is stored after a sign-out that came after it began',
      check({ record }, history) {
        const family = history.familyOf(record);
        const { instance, openedAt = 0 } = family?.window ?? {};
        return instance?.signOuts.some((startedAt) => startedAt >= openedAt) ? `sign-in ${family?.id}` : undefined;
      },
    },
    {
      promise: 'A sign-in does not undo the sign-out of another process, if it has read what that deleted',
      unless: ['store'],
      check({ before, record }, history) {
        const family = history.familyOf(record);
        const { found, instance } = family?.window ?? {};
        const isByOther = found?.signedOut && found.signedOut.by !== instance?.process;
        return !before && isByOther && !family?.wasStored ? `sign-in ${family?.id} after ${found.id}` : undefined;
      },
    },
    {
      promise: 'Nothing that a sign-out has deleted is stored again by a process that knows what became of its writes',
      check({ record, by }, history) {
        const family = history.familyOf(record);
        return family?.signedOut && by && !history.hadNoAnswer.has(by) ? `sign-in ${family.id}` : undefined;
      },
    },
    {
      promise: 'No older refresh token takes the place of a newer one',
      check({ before, record, by }, { refreshTokens }) {
        const was = refreshTokens.get(before?.refreshToken ?? '');
        const is = refreshTokens.get(record.refreshToken ?? '');
        if (!by || !was || !is || was.family !== is.family) return undefined;
        return is.generation < was.generation ? `refresh token ${is.generation} over ${was.generation}` : undefined;
      },
    },
    {
      promise: 'No sign-in takes the place of one that began after it had ended',
      unless: ['clock'],
      check({ before, record, by }, history) {
        const [was, is] = [history.familyOf(before), history.familyOf(record)];
        const isEarlier = was?.window && is && (is.window ? (is.signedInAtMs ?? 0) : -1) < was.window.openedAtMs;
        return by && was !== is && isEarlier ? `sign-in ${is.id} over sign-in ${was.id}` : undefined;
      },
    },
    {
      promise: 'A record keeps its refresh token until there is another one',
      check({ before, record }, history) {
        if (before?.refreshToken === undefined || record.refreshToken !== undefined) return undefined;
        const family = history.familyOf(record);
        return family && family === history.familyOf(before) ? `that of sign-in ${family.id} is gone` : undefined;
      },
    },
    {
      promise: 'Data stays with its sign-in until a response brings other data',
      check({ record, by }, history) {
        const access = by && history.accesses.get(record.accessToken ?? '');
        return access && record.data?.of !== access.data ? `${record.data?.of} instead of ${access.data}` : undefined;
      },
    },
    {
      promise: 'The tokens of a record are of one sign-in',
      check({ record, by }, { accesses, refreshTokens }) {
        const access = accesses.get(record.accessToken ?? '');
        const token = refreshTokens.get(record.refreshToken ?? '');
        return !by || !access || !token || access.family === token.family
          ? undefined
          : `of ${access.family.id} and ${token.family.id}`;
      },
    },
    {
      promise: 'A record says whose it is, and stays under its name',
      check({ name, record, by }, history) {
        const family = history.familyOf(record);
        if (!by) return undefined;
        if (!family) return 'a refresh token that the provider never gave out';
        const isRight = family.name === name && (family.isBare || record.clientId === family.clientId);
        return isRight ? undefined : `sign-in ${family.id} is of ${family.clientId}, ${family.name}`;
      },
    },
  ],
  'revoke-called': [
    {
      promise: 'revoke is called for a record of this client, when it has been deleted',
      unless: ['store'],
      check({ instance, record }, history) {
        const family = history.familyOf(record);
        if (!family || !isOf(family, instance)) return `sign-in ${family?.id} is of ${family?.clientId}`;
        const isStored = history.familyOf(history.stored.get(instance.name)) === family;
        return isStored ? `sign-in ${family.id} is still stored` : undefined;
      },
    },
  ],
  deleted: [
    {
      promise: 'Only a sign-out deletes a record',
      check: ({ name, before }, { signingOut }) => (signingOut.get(name) ? undefined : `${before.refreshToken}`),
    },
  ],
};

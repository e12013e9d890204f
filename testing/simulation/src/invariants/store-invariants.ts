import type { Invariants } from './invariant.ts';
import { doClocksDiffer, hadNoAnswer, isOf } from './questions.ts';

/** When the store has written or deleted a record. */
export const storeInvariants: Invariants = {
  written: [
    {
      promise: 'A sign-in does not undo the sign-out of another process, if it has read what that deleted',
      check({ before, record }, history) {
        const family = history.familyOf(record);
        const { found, instance } = family?.window ?? {};
        // What its own process has deleted, it knew to be gone.
        const { signedOut } = found ?? {};
        const isByOther = signedOut !== undefined && signedOut.by !== instance?.process;
        // The person has signed in again since, but that could not be stored: only their times tell which of the two counts.
        const isAgain = history.windows.some(
          (each) => each.instance === instance && each.openedAt > (signedOut?.step ?? 0),
        );
        // An own sign-in that has not read what was deleted waits to be stored, and this one takes its place.
        const hasPending = history.families.some(
          (each) =>
            each !== family && each.window?.instance === instance && !each.wasStored && each.window?.found !== found,
        );
        // Its process waits for the answer to the write of what was deleted: see SECURITY.md.
        const isPending = hasPending || (found?.window?.instance === instance && found?.hasLostAnswer);
        return !before && isByOther && !isAgain && !isPending && !family?.wasStored
          ? `sign-in ${family?.id} after ${found?.id}`
          : undefined;
      },
    },
    {
      promise: 'No older token takes the place of a newer one',
      check({ before, record, by }, history) {
        const [wasFamily, isFamily] = [history.familyOf(before), history.familyOf(record)];
        // A program that writes without the lock cannot know what it replaces, nor can we know what it will write.
        if (!before || !wasFamily || !isFamily || !by || wasFamily.isForeign) return undefined;
        // If the person answers a window late that was given up, the window that opened after it counts, whichever the provider answers first.
        const openedBefore = (isFamily.window?.openedAt ?? -1) < (wasFamily.window?.openedAt ?? -1);
        // Of two that could not be stored at first, only their times tell.
        const isEarlier = (isFamily.signedInAtMs ?? 0) < (wasFamily.signedInAtMs ?? Number.POSITIVE_INFINITY);
        if (isFamily.order < wasFamily.order && openedBefore && isEarlier && !doClocksDiffer(history))
          return `sign-in ${isFamily.id} over sign-in ${wasFamily.id}`;
        const was = history.refreshTokens.get(before.refreshToken ?? '');
        const is = history.refreshTokens.get(record.refreshToken ?? '');
        if (isFamily !== wasFamily || !was || !is) return undefined;
        if (is.generation < was.generation) return `refresh token ${is.generation} over ${was.generation}`;
        // If the refresh token stays, compare-and-swap does not see a write between the last read and the write. Both tokens are good.
        return undefined;
      },
    },
    {
      promise: 'Nothing that a sign-out has deleted is stored again',
      check({ before, record, by, asked }, history) {
        const family = history.familyOf(record);
        // If the answer to a write was lost, its process cannot tell whether a sign-out came, or the write never did.
        const isLost =
          (by && history.wasSilentTo.has(by)) ||
          family?.hasLostAnswer ||
          asked.step < (family?.answerFoundAt ?? 0) ||
          family?.wasStoredAgain ||
          // A first record that could not be written at once: nobody can tell a sign-out from a write that was not made.
          (before === undefined && history.hasStoreFailed) ||
          (before === undefined && history.hasOddTime);
        return family?.signedOut && !isLost ? `sign-in ${family.id}` : undefined;
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
      promise: 'A record without a refresh token is refused only if a call forces',
      check({ record, by }, history) {
        if (record.refreshToken !== undefined || record.refusedAt === undefined) return undefined;
        const calls = history.instances.flatMap((each) => (each.process === by ? [...each.calls] : []));
        return calls.some(({ options }) => options.forceRefresh) ? undefined : 'no call forced';
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
      check({ instance, record }, history) {
        const family = history.familyOf(record);
        if (!family || !isOf(family, instance)) return `sign-in ${family?.id} is of ${family?.clientId}`;
        const stored = history.stored.get(instance.name);
        const isStored = stored && history.familyOf(stored) === family;
        // A process whose write had no answer does not know that it was there, and stores it again: see SECURITY.md.
        const isKnown = !hadNoAnswer(family) && !history.wasSilentTo.has(instance.process);
        return isStored && isKnown ? `sign-in ${family.id} is still stored` : undefined;
      },
    },
  ],
  deleted: [
    {
      promise: 'Only a sign-out deletes a record',
      check({ name, before }, history) {
        const family = history.familyOf(before);
        return family && !history.signingOut.get(name) ? `sign-in ${family.id}` : undefined;
      },
    },
  ],
};

import { type Defect, patch } from './defect.ts';

/** Mistakes that drop a new sign-in because the old one was refreshed meanwhile. */
export const lostSignInDefects: readonly Defect[] = [
  {
    name: 'takes a refresh of the old sign-in for a newer sign-in than one that comes late',
    patches: [
      patch(
        'record-keeper.ts',
        '!isBefore(newest, { before, record })',
        'comparedToken(newest) !== comparedToken(before)',
      ),
    ],
    within: 2000,
  },
  {
    name: 'takes a refresh of the old sign-in for newer than a sign-in that could not be stored',
    patches: [
      patch(
        'owed.ts',
        'if (record && !isRefresh && isOfEarlierSignIn(record, before, next)) return true;',
        'void isOfEarlierSignIn; void isRefresh;',
      ),
    ],
    within: 5000,
  },
  {
    name: 'keeps the sign-in of two that could not be stored which is stored first',
    patches: [
      patch(
        'owed.ts',
        '  return signedInAt !== undefined && next?.signedInAt !== undefined && signedInAt < next.signedInAt;\n',
        '  return false;\n',
      ),
    ],
    within: 5000,
  },
];

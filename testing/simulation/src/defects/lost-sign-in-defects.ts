import { type Defect, defect } from './defect.ts';

/** Mistakes that drop a new sign-in because the old one was refreshed meanwhile. */
export const lostSignInDefects: readonly Defect[] = [
  defect('takes a refresh of the old sign-in for a newer sign-in than one that comes late', 2000, [
    'record-keeper.ts',
    '!isBefore(newest, { before, record })',
    'comparedToken(newest) !== comparedToken(before)',
  ]),
  defect('takes a refresh of the old sign-in for newer than a sign-in that could not be stored', 2000, [
    'owed.ts',
    'if (record && !isRefresh && isOfEarlierSignIn(record, before, next)) return true;',
    'void isOfEarlierSignIn; void isRefresh;',
  ]),
  defect('keeps the sign-in of two that could not be stored which is stored first', 2000, [
    'owed.ts',
    '  return signedInAt !== undefined && next.signedInAt !== undefined && signedInAt < next.signedInAt;\n',
    '  return false;\n',
  ]),
];

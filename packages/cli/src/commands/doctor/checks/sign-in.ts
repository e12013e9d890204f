import { type SignInStatus, statusOfRecord } from 'onedrive-token-handler';
import { databaseExists } from '../../../session/database.ts';
import { describeNotSignedIn } from '../../../session/stored-sign-ins.ts';
import { explainRemembered } from '../../../settings/private-json.ts';
import type { Settings } from '../../../settings/settings.ts';
import { suggestCommand } from '../../../settings/suggest-command.ts';
import { readTokenOptions } from '../../../settings/token-options.ts';
import type { Check, Finding } from '../check.ts';
import type { ReadSignIns } from './contents.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** A sign-in that is not refreshed for this much longer is lost. */
const warningMs = 14 * dayMs;

/** Whether the file of the remembered client ids can be read. */
export function checkRemembered(settings: Settings): Check {
  return {
    name: 'remembered',
    needs: ['database'],
    run() {
      const trouble = explainRemembered(settings.db);
      if (trouble === undefined) return { ok: true, detail: 'the client ids of earlier sign-ins can be read' };
      const remedy = `Delete that file, then run: ${suggestCommand('login', settings)}`;
      return { ok: false, detail: trouble, remedy };
    },
  };
}

/** Whether a token can be had without a person, and for how long. `need`: the check without which it cannot be known. */
export function checkSignIn(
  settings: Settings,
  need: string,
  readStatus: () => Promise<SignInStatus | string>,
): readonly Check[] {
  const login = `Run: ${suggestCommand('login', settings)}`;
  return [
    {
      name: 'sign-in',
      needs: [need],
      async run() {
        const status = await readStatus();
        if (typeof status === 'string') return { ok: false, detail: status.replace(/\.$/, ''), remedy: login };
        return judge(status, login);
      },
    },
    {
      name: 'renew-by',
      needs: ['sign-in'],
      async run() {
        const status = await readStatus();
        return judgeRenewal(typeof status === 'string' ? undefined : status.renewBy, settings);
      },
    },
  ];
}

/** The status of the stored sign-in or, if there is none, why. */
export async function readStatusOf(settings: Settings, readSignIns: ReadSignIns): Promise<SignInStatus | string> {
  const stored = await readSignIns();
  const { clientId, authority } = readTokenOptions(settings, undefined, stored.record) ?? settings;
  const status = statusOfRecord(stored.record, { appName: settings.app, clientId, authority });
  if (status.signedIn) return status;
  return describeNotSignedIn(settings, stored, { isThere: databaseExists(settings), clientId, authority });
}

function judge(status: SignInStatus, login: string): Finding {
  const { account, scopes, refreshedAt, refusedAt, refusedBecause } = status;
  if (refusedAt !== undefined) {
    const because = refusedBecause ? `: ${refusedBecause}` : '';
    return { ok: false, detail: `the provider refused it on ${day(refusedAt)}${because}`, remedy: login };
  }
  const who = account?.username ?? account?.name;
  const age = refreshedAt === undefined ? '' : `, refreshed ${describeAge(Date.now() - refreshedAt)} ago`;
  return { ok: true, detail: `${who ? `${who}, ` : ''}scopes ${scopes.join(' ')}${age}` };
}

function judgeRenewal(renewBy: number | undefined, settings: Settings): Finding {
  if (renewBy === undefined) return { ok: true, detail: 'the database does not say when the sign-in expires' };
  const left = renewBy - Date.now();
  if (left > warningMs)
    return { ok: true, detail: `the sign-in is good until ${day(renewBy)}, and each refresh prolongs that` };
  const remedy = `To refresh it now, run: ${suggestCommand('token --refresh', settings)}`;
  const detail = left > 0 ? `the sign-in expires on ${day(renewBy)}` : `the sign-in has expired on ${day(renewBy)}`;
  return { ok: false, detail, remedy };
}

function day(timestamp: number): string {
  return new Date(timestamp).toISOString().slice(0, 10);
}

function describeAge(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(milliseconds / dayMs)} days`;
}

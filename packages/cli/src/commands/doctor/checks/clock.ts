import { request } from 'node:https';
import type { Check, Finding } from '../check.ts';
import type { Site } from './network.ts';

/** A machine that sets its clock by the network is closer. Seconds are all that the Date header has. */
const toleranceMs = 60_000;
const timeoutMs = 3000;

/** This machine's clock against that of the authority. */
export function checkClock(authority: Site): Check {
  return {
    name: 'clock',
    async run() {
      const sentAt = Date.now();
      const answer = await authority.answer().catch(() => undefined);
      const date = answer?.response.headers.get('date') ?? (await readDate(authority.url));
      const time = Date.parse(date ?? '');
      if (Number.isNaN(time)) {
        const remedy = `First mend authority: ${authority.url.host} did not say what time it is.`;
        return { ok: false, detail: 'not checked, because authority failed', remedy };
      }
      return judge(time, answer?.sentAt ?? sentAt, answer?.answeredAt ?? Date.now(), authority.url.host);
    },
  };
}

function judge(time: number, sentAt: number, answeredAt: number, host: string): Finding {
  // The header was written at some moment between the two.
  const differenceMs = time < sentAt ? sentAt - time : Math.min(0, answeredAt - time);
  if (Math.abs(differenceMs) <= toleranceMs) return { ok: true, detail: `agrees with ${host} to the minute` };
  const by = `${describeDuration(Math.abs(differenceMs))} ${differenceMs > 0 ? 'fast' : 'slow'}`;
  return {
    ok: false,
    detail: `this machine's clock is ${by}: it says ${utc(answeredAt)}, and ${host} says ${utc(time)}`,
    remedy: "Check this machine's clock and set it, for example: timedatectl set-ntp true",
  };
}

function describeDuration(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}

function utc(timestamp: number): string {
  return `${new Date(timestamp).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/**
 * Asks the server for its time whatever its certificate is: if the clock is wrong by days, every certificate seems to be out of
 * date. Nothing secret is sent, and the answer decides nothing else.
 */
function readDate({ protocol, hostname, port }: URL): Promise<string | undefined> {
  if (protocol !== 'https:') return Promise.resolve(undefined);
  const host = hostname.replace(/^\[(.+)\]$/, '$1');
  return new Promise((resolve) => {
    const sent = request(
      { host, port, method: 'HEAD', path: '/', agent: false, rejectUnauthorized: false },
      (response) => {
        resolve(response.headers.date);
        response.destroy();
      },
    );
    sent.setTimeout(timeoutMs, () => sent.destroy());
    sent.once('error', () => resolve(undefined));
    sent.once('close', () => resolve(undefined));
    sent.end();
  });
}

// A file of its own because the start of the command loads it: it must not import what only the full program needs.

/** A sign-in that expires within this time makes every command that reads it warn. */
const noticeMs = 14 * 86_400_000;

/** Whether a person should be warned. `renewBy`: epoch milliseconds; undefined if it is not known. */
export function expiresSoon(renewBy: number | undefined): renewBy is number {
  return renewBy !== undefined && renewBy - Date.now() < noticeMs;
}

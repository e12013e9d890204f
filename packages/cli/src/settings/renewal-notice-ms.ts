/** A sign-in that expires within this time makes every command that reads it warn. */
export const renewalNoticeMs = 14 * 86_400_000;

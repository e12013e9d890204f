/**
 * Makes text from outside this program harmless for a terminal. Control characters could move the cursor or imitate our own
 * messages; bidirectional characters could make one name look like another.
 */
export { toPlainText as printable } from 'onedrive-token-handler';

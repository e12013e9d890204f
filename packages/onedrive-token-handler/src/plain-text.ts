/** Makes text that came from a provider or a person safe to show. */
export { toPlainText } from 'loopback-acceptor/plain-text';

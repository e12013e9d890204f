/** The proxy that the environment names for a URL. */
export interface NamedProxy {
  /** Such as `proxy.example:8080`. The full address may have a password, and is never shown. */
  readonly host: string;
  /** The variable that names it. */
  readonly variable: string;
  /** Whether it is reached by https. Then it has a certificate of its own. */
  readonly usesTls: boolean;
  /** Whether its address has a user name or a password. */
  readonly hasCredentials: boolean;
}

/** How an address of a proxy is written. */
export const proxySpelling = 'http://USER:PASSWORD@HOST:PORT. In a password, / is written %2F, @ %40, : %3A and % %25';

/**
 * The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for a URL, as undici's EnvHttpProxyAgent chooses it: for messages and
 * diagnosis only. Returns undefined if there is none, or no readable one.
 */
export function proxyOf(url: URL, env: NodeJS.ProcessEnv = process.env): NamedProxy | undefined {
  // Without a proxy for https, undici takes the one for http.
  const found =
    (url.protocol === 'https:' ? named(env, ['https_proxy', 'HTTPS_PROXY']) : undefined) ??
    named(env, ['http_proxy', 'HTTP_PROXY']);
  return found && !isExcepted(url, env.no_proxy ?? env.NO_PROXY ?? '') ? found : undefined;
}

/** The first of the two spellings that is set counts, even if it is empty. */
function named(env: NodeJS.ProcessEnv, variables: readonly string[]): NamedProxy | undefined {
  const variable = variables.find((name) => env[name] !== undefined);
  const { protocol, host, username, password } = (variable && URL.parse(env[variable] ?? '')) || {};
  if (!variable || !host) return undefined;
  return { host, variable, usesTls: protocol === 'https:', hasCredentials: `${username}${password}` !== '' };
}

function isExcepted({ protocol, hostname, port }: URL, exceptions: string): boolean {
  const host = plainName(hostname);
  const usedPort = Number(port) || (protocol === 'https:' ? 443 : 80);
  const entries = exceptions.toLowerCase().match(/[^,\s]+/g) ?? [];
  return entries.some((entry) => {
    // An entry with more colons and no brackets is an IPv6 address.
    const [, name = entry, onlyPort] = /^(\[.+\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? [];
    if (onlyPort !== undefined && Number(onlyPort) !== usedPort) return false;
    const suffix = plainName(name).replace(/^\*?\./, '');
    return suffix === '*' || host.endsWith(`.${suffix}`) || (host === suffix && !entry.startsWith('*'));
  });
}

/** Without the brackets of IPv6, and without the dot at the end of a full name. */
const plainName = (name: string): string => name.replace(/^\[(.+)\]$/, '$1').replace(/(.)\.$/, '$1');

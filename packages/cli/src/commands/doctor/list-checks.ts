import type { SignInStatus } from 'onedrive-token-handler';
import { createFetcher } from '../../session/create-fetcher.ts';
import type { Command } from '../../settings/command.ts';
import { readTokenOptions } from '../../settings/token-options.ts';
import type { Check } from './check.ts';
import { discoveryUrl, judgeAuthority, judgeGraph } from './checks/authority.ts';
import { checkClientId } from './checks/client-id.ts';
import { checkClock } from './checks/clock.ts';
import { checkContents, signInReader } from './checks/contents.ts';
import { checkDatabaseFile } from './checks/database-file.ts';
import { checkFileSystem } from './checks/file-system.ts';
import { checkLock } from './checks/lock.ts';
import { checkProxy, checkSite, createSite } from './checks/network.ts';
import { checkPostgres } from './checks/postgres.ts';
import { checkRemembered, checkSignIn, readStatusOf } from './checks/sign-in.ts';
import { checkSocket, statusReader } from './checks/socket.ts';
import { checkBrowser, checkLoopback, checkNode } from './checks/this-machine.ts';

const defaultAuthority = 'https://login.microsoftonline.com/consumers';

export interface CheckList extends AsyncDisposable {
  /** In the order in which they are shown. */
  readonly all: readonly Check[];
}

/** The checks that fit the settings: of a file, of PostgreSQL, or of a socket. */
export function listChecks(command: Command): CheckList {
  const { settings } = command;
  const http = createFetcher();
  const fetch = (url: URL, init: RequestInit): Promise<Response> => http.fetch(url, init);
  const known =
    settings.socket === undefined && settings.postgresUrl === undefined ? readTokenOptions(settings) : undefined;
  const authority = settings.authority ?? known?.authority ?? defaultAuthority;
  const sites = [
    createSite('authority', discoveryUrl(authority), fetch),
    createSite('graph', new URL(`${settings.graph.replace(/\/+$/, '')}/me`), fetch),
  ] as const;
  const [ofAuthority, ofGraph] = sites;
  const tokens = checkTokens(command);
  const all = [
    checkNode,
    checkClock(ofAuthority),
    checkProxy(sites),
    ...checkSite(ofAuthority, judgeAuthority, true),
    ...checkSite(ofGraph, judgeGraph, true),
    ...checkLoopback,
    checkBrowser,
    ...tokens.checks,
    ...(settings.socket === undefined ? [checkClientId(authority, tokens.clientId, fetch)] : []),
  ];
  return { all, [Symbol.asyncDispose]: () => http.close() };
}

interface TokenChecks {
  readonly checks: readonly Check[];
  clientId(): Promise<string | undefined>;
}

/** The checks of the place that tokens come from. */
function checkTokens(command: Command): TokenChecks {
  const { settings } = command;
  if (settings.socket !== undefined) {
    const readStatus = statusReader(command);
    const readStatusOrReason = async (): Promise<SignInStatus | string> => {
      const status = await readStatus();
      return status.signedIn ? status : 'the server of the socket has no sign-in';
    };
    const checks = [checkSocket(settings.socket, readStatus), ...checkSignIn(settings, 'socket', readStatusOrReason)];
    return { checks, clientId: async () => undefined };
  }
  const readSignIns = signInReader(command);
  const clientId = async (): Promise<string | undefined> => {
    const remembered = readTokenOptions(settings)?.clientId;
    // A second look at the database could ask the keyring a second time.
    if (remembered !== undefined) return remembered;
    const stored = await readSignIns().catch(() => undefined);
    return readTokenOptions(settings, undefined, stored?.record)?.clientId;
  };
  const ofDatabase =
    settings.postgresUrl === undefined
      ? [
          ...checkDatabaseFile(settings),
          checkFileSystem(settings.db),
          checkLock(settings.db),
          ...checkContents(command, readSignIns),
          checkRemembered(settings),
        ]
      : checkPostgres(command, readSignIns);
  return {
    checks: [...ofDatabase, ...checkSignIn(settings, 'encryption', () => readStatusOf(settings, readSignIns))],
    clientId,
  };
}

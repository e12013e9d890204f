/** What `--help` says about one command. */
export interface ManualPage {
  readonly summary: string;
  readonly description: string;
  /** Each command line, with its purpose. */
  readonly examples: readonly (readonly [commandLine: string, purpose: string])[];
}

const token: ManualPage = {
  summary: 'print a valid access token (the default command)',
  description: `Prints an access token for Microsoft Graph and a newline on stdout: the stored token while it is valid, otherwise a refreshed one. If you have to sign in, it opens the browser if stdin and stderr are a terminal; otherwise it ends with status 3.

With --json: {"token": string, "expiresAt": number}. expiresAt is in milliseconds since 1970. With --header --json: {"Authorization": string}.

--min-valid ends with status 1 if the provider's tokens are shorter than that.`,
  examples: [
    [
      'curl -H "Authorization: Bearer $(onedrive-token)" https://graph.microsoft.com/v1.0/me/drive',
      'call Graph from a script',
    ],
    [
      'onedrive-token --header | curl -H @- https://graph.microsoft.com/v1.0/me/drive',
      'the same, without the token in a command line',
    ],
    ['onedrive-token --min-valid 45m', 'for a step that takes long'],
    ['onedrive-token token --json --no-interactive', 'for a program: never asks you, ends with status 3 instead'],
  ],
};

const login: ManualPage = {
  summary: 'sign in',
  description: `Opens the browser, or the command that BROWSER names, and waits until you have signed in there. Client id, authority, scopes, login hint and redirect host are remembered for the app name, so later commands don't need them. If no browser can be opened (SSH, a container), it prints the address. Open it on any computer, sign in, and paste the address of the page on which that browser ends.

With --json: the same as status --json.`,
  examples: [
    ['onedrive-token login --client-id 12345678-90ab-cdef-1234-567890abcdef', 'the first time'],
    ['onedrive-token login --device', 'with a code that you enter on any device'],
    ['onedrive-token login --scope Files.Read --scope User.Read', 'with other permissions'],
    ['onedrive-token login --app family --prompt select_account', 'with another account'],
    ['ssh -t -L 8400:localhost:8400 server onedrive-token login --port 8400', 'on a server, with the browser here'],
  ],
};

const status: ManualPage = {
  summary: 'show who is signed in, with which scopes',
  description: `Shows what is stored, and sends no request. Never makes or changes a file. The exit status is 0 if a token can be had without a person, otherwise 3: without a database or a client id, or if the provider has refused the stored sign-in.

With --json: {"signedIn": boolean, "appName": string, "account"?: {"name"?, "username"?, "id"?}, "scopes": string[], "accessTokenExpiresAt"?: number, "refreshedAt"?: number, "renewBy"?: number, "refusedAt"?: number, "refusedBecause"?: string}. Timestamps are in milliseconds since 1970. renewBy says when the sign-in expires unless a refresh renews it before: 90 days after the last refresh, or what the provider says. refusedAt says when the provider refused the sign-in; then you have to sign in again.`,
  examples: [
    ['onedrive-token status', 'for you'],
    ['onedrive-token status --json >/dev/null || onedrive-token login', 'sign in if no sign-in is stored'],
    ['onedrive-token status --fail-if-within 14d', 'for monitoring: status 1 if you have to sign in soon, 3 if now'],
  ],
};

const whoami: ManualPage = {
  summary: 'print the user name of the account',
  description: `Prints the user name of the account that is signed in, as the stored sign-in says. Sends no request. Ends with status 3 if no user is signed in.

With --json: {"name"?: string, "username"?: string, "id"?: string}.`,
  examples: [
    ['onedrive-token whoami', 'for you'],
    ['onedrive-token whoami --app family', 'which account is that?'],
  ],
};

const logout: ManualPage = {
  summary: 'sign out, which deletes the stored tokens',
  description: `Deletes the tokens of one app name, or of all, from the database. The client id stays remembered. Microsoft does not notice. To revoke the access itself, go to https://account.live.com/consent/Manage.

With --json: an array of the app names whose tokens were deleted.`,
  examples: [
    ['onedrive-token logout', 'the default app name'],
    ['onedrive-token logout --all', 'every app name in the database'],
  ],
};

const list: ManualPage = {
  summary: 'list the app names in the database',
  description:
    'Prints the app names that have tokens, sorted, one per line. Never makes or changes a file. With --json: an array of strings.',
  examples: [
    ['onedrive-token list', 'for you'],
    ['onedrive-token list --json', 'for a program'],
  ],
};

const rekey: ManualPage = {
  summary: 'change how the database is encrypted',
  description: `Encrypts the database with a key in the keyring of the system (--keyring) or with a new passphrase (--encrypt, --new-key-file), or stores tokens unencrypted (--decrypt). Every sign-in in it stays. The present passphrase comes from ONEDRIVE_TOKEN_KEY or --key-file; otherwise the command asks you for it.

The keyring is GNOME Keyring or KWallet over D-Bus, the Keychain of macOS, or the Credential Manager of Windows. While it is unlocked, every program that you run in your session can read the key. The keyring needs one more package. Run: npm install --global @napi-rs/keyring`,
  examples: [
    ['onedrive-token rekey --keyring', 'move the key into the keyring; later commands find it there'],
    ['onedrive-token rekey --encrypt', 'ask for a new passphrase and encrypt with it'],
    ['onedrive-token rekey --decrypt', 'store tokens unencrypted; only the file mode protects them'],
  ],
};

const move: ManualPage = {
  summary: 'move the sign-in to another database',
  description: `Moves the tokens of one app name, and its client id, from the database (--db) to another one, for example to PostgreSQL and back. It waits for a refresh that is under way. Only one of the two databases can be used at any moment. If the move is interrupted, run the same command again: it continues where it stopped.

The passphrase of the other database comes from --to-key-file alone. Without that option, the tokens are not encrypted there. If the other database already has a sign-in of that name, nothing is changed, and the exit status is 1.`,
  examples: [
    ['onedrive-token move --to postgresql://app@db.example.org/app', 'from this computer to many machines'],
    ['onedrive-token move --to /mnt/usb/tokens.db --to-key-file key.txt', 'to another file, encrypted there'],
  ],
};

const api: ManualPage = {
  summary: 'call Microsoft Graph',
  description: `Calls Microsoft Graph with the token and prints the response on stdout. The path is appended to the URL of --graph. The token goes to that host only: an absolute URL must be on it, and a redirect to another host is followed without the token. After a 401 the token is refreshed once. After a 429 or 503 the request is sent again, after the wait that Graph asks for or after a few seconds. A GET is sent again after a 502 or 504 too.

If nothing comes for 30 seconds (--idle-timeout) - no connection, no first byte, no further byte - the attempt is given up. Downloads and uploads then continue with a new connection, 5 times in a row at most; any other request ends with status 6. --timeout is for the sign-in only. If an upload or a download is interrupted, run the same command again: it continues where it stopped. With --upload, what follows root:/ is the name as you write it, not encoded.

With --json and --output: {"file": string, "bytes": number}.`,
  examples: [
    ['onedrive-token api /me/drive', 'your drive'],
    [`onedrive-token api --paginate '/me/drive/root/children?$select=name,size'`, 'all pages as one array'],
    [`onedrive-token api /me/drive/root/children -d '{"name":"new","folder":{}}'`, 'make a folder'],
    ['onedrive-token api /me/drive/root:/notes.txt:/content -o notes.txt', 'download'],
    ['onedrive-token api /me/drive/root:/disk.img --upload disk.img', 'upload'],
    ['tar c notes | onedrive-token api /me/drive/root:/notes.tar --upload -', 'upload what another program writes'],
  ],
};

const exec: ManualPage = {
  summary: 'run a program with the token in its environment',
  description: `Runs a program with the token in the variable ONEDRIVE_TOKEN, which other users can't read. The token is valid for 30 minutes or longer if the provider's tokens are. Ends with the program's status: 128 + n if signal n killed it, 126 if it cannot be executed, 127 if it is not found. Passes signals on to the program, except SIGINT and SIGQUIT on a terminal: a terminal sends Ctrl-C to the program itself. The program does not get ONEDRIVE_TOKEN_KEY, nor ONEDRIVE_TOKEN_DB if there is a password in it.`,
  examples: [
    ['onedrive-token exec -- ./backup.sh --full', 'everything after -- is passed to the program'],
    ['onedrive-token exec --min-valid 50m -- ./long.sh', 'a token that is nearly fresh'],
    ['onedrive-token exec -- python3 backup.py', "reads os.environ['ONEDRIVE_TOKEN']"],
  ],
};

const serve: ManualPage = {
  summary: 'hand out tokens over a Unix socket',
  description: `Listens on a Unix socket, and gives a valid access token to each program that asks. A container or another computer (ssh -R) gets tokens that way, and never the refresh token. Only your user can connect: the socket has mode 0600, and serve refuses a folder that other users can enter. SIGTERM and Ctrl-C end it with status 0.

It speaks HTTP. GET /token answers {"token": string, "expiresAt": number}. With ?min_valid=SECONDS, the token is good for at least that long. Ask for /token?refresh=1 after Graph has answered 401. GET /status answers like status --json. 401 means that you have to sign in; 503, try again after the seconds in Retry-After.

If ONEDRIVE_TOKEN_SOCKET names the socket, the commands token, exec, api and status take their tokens from there. They need no database then.`,
  examples: [
    ['onedrive-token serve', 'at $XDG_RUNTIME_DIR/onedrive-token.sock'],
    ['curl --unix-socket "$XDG_RUNTIME_DIR/onedrive-token.sock" http://localhost/token', 'a token for any program'],
    [
      'ONEDRIVE_TOKEN_SOCKET="$XDG_RUNTIME_DIR/onedrive-token.sock" onedrive-token api /me/drive',
      'this command as a client',
    ],
  ],
};

const doctor: ManualPage = {
  summary: 'find out what is wrong',
  description: `Checks what the command needs, and says for each problem what to do: the clock, the network, the proxy, certificates, loopback addresses, the browser, the database, its key, the sign-in, and the registration. It changes nothing and uses no token. The exit status is 0 if nothing is wrong, otherwise 1.

With --json: {"ok": boolean, "checks": [{"name": string, "ok": boolean, "detail": string, "remedy"?: string}]}. There is no token, no e-mail address and no path of your home folder in it, so it can go into a bug report.`,
  examples: [
    ['onedrive-token doctor', 'for you'],
    ['onedrive-token doctor --json', 'for a bug report'],
  ],
};

const completion: ManualPage = {
  summary: 'print a completion script for your shell',
  description: 'Prints a script that makes the shell complete commands, options and app names.',
  examples: [
    ['source <(onedrive-token completion bash)', 'in ~/.bashrc; the same with zsh in ~/.zshrc'],
    ['onedrive-token completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
};

export const manual = { token, login, status, whoami, logout, list, rekey, move, api, exec, serve, doctor, completion };

/** The end of the whole program's help. */
export const epilogue = `Exit status:
  0  done                    5  timed out
  1  failed                  6  the network or a server failed: try again later
  2  wrong usage             7  the token database or its key
  3  sign-in needed          8  another process has locked the database: try again soon
  4  denied by you or the provider          130  interrupted

Environment:
  ONEDRIVE_TOKEN_KEY         the passphrase that encrypts the database
  ONEDRIVE_TOKEN_SOCKET      the socket of a serve: token, exec, api and status get tokens there
  PGPASSWORD, PGPASSFILE     the password of a PostgreSQL database, or the file that has it
  BROWSER                    the command that opens a browser
  HTTPS_PROXY, NO_PROXY      the proxy to use, and the hosts that need none
  NO_COLOR                   no colours

Files, in $XDG_DATA_HOME/onedrive-token or your platform's data folder:
  tokens.db                  the tokens
  tokens.db.apps.json        client id, granted scopes and options of the last sign-in of each app name
  tokens.db.keyring.json     which keyring entry has the key
  tokens.db.uploads.json     where unfinished uploads can continue

A PostgreSQL database (--db postgresql://user@host/database) is shared by many machines: one login signs all of them in.
It needs two more packages. Run: npm install --global token-store-postgres pg
`;

/** The examples of one command, as its help shows them. */
export function formatExamples({ examples }: ManualPage): string {
  return `\nExamples:\n${examples.map(([line, purpose]) => `  # ${purpose}\n  $ ${line}\n`).join('\n')}`;
}

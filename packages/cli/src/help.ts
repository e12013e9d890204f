/**
 * What `onedrive-token --help` prints in 80 columns, so that it needs no parser of options. A test holds it against what commander
 * makes of the options, and says how to renew it.
 */
export const helpText = `Usage: onedrive-token [options] [command]

Prints a Microsoft Graph access token for your personal OneDrive.

Options:
  -V, --version                       output the version number
  --app <name>                        the name under which the tokens are stored
                                      (default: onedrive-token) (env:
                                      ONEDRIVE_TOKEN_APP)
  --client-id <id>                    the client id of your app registration;
                                      remembered after the first login (env:
                                      ONEDRIVE_TOKEN_CLIENT_ID)
  --db <file>                         the token database: a file (default:
                                      tokens.db in your data folder), or
                                      postgresql://user@host/database (env:
                                      ONEDRIVE_TOKEN_DB)
  --key-file <file>                   a file with the passphrase that encrypts
                                      the database; ONEDRIVE_TOKEN_KEY may hold
                                      the passphrase itself (env:
                                      ONEDRIVE_TOKEN_KEY_FILE)
  --keyring                           encrypt the database with a key in the
                                      keyring of the system; remembered (env:
                                      ONEDRIVE_TOKEN_KEYRING)
  --authority <url>                   the identity provider (default: that of
                                      the last sign-in, else Microsoft's for
                                      personal accounts) (env:
                                      ONEDRIVE_TOKEN_AUTHORITY)
  --graph <url>                       the base URL of Microsoft Graph (default:
                                      https://graph.microsoft.com/v1.0) (env:
                                      ONEDRIVE_TOKEN_GRAPH)
  --timeout <seconds>                 how long a sign-in waits for you (default:
                                      180; with --device, as long as the code
                                      lives) (env: ONEDRIVE_TOKEN_TIMEOUT)
  --no-interactive                    never ask and never open a browser; end
                                      with status 3 instead (env:
                                      ONEDRIVE_TOKEN_NO_INTERACTIVE)
  --json                              print JSON for programs (env:
                                      ONEDRIVE_TOKEN_JSON)
  --verbose                           log what happens, without secrets (env:
                                      ONEDRIVE_TOKEN_VERBOSE)
  -h, --help                          display help for command

Commands:
  token [options]                     print a valid access token (the default
                                      command)
  login [options]                     sign in
  status [options]                    show who is signed in, with which scopes
  whoami [options]                    print the user name of the account
  logout [options]                    sign out, which deletes the stored tokens
  list [options]                      list the app names in the database
  rekey [options]                     change how the database is encrypted
  move [options]                      move the sign-in to another database
  api [options] <path>                call Microsoft Graph
  exec [options] <program> [args...]  run a program with the token in its
                                      environment
  serve [options]                     hand out tokens over a Unix socket
  doctor [options]                    find out what is wrong
  completion [options] <shell>        print a completion script for your shell
  help [command]                      display help for command

Exit status:
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

"""The class that this project replaces, in short: http.server for one request, requests, sqlite3.

    python3 onedrive_token_handler.py MODE SITUATION

The modes and the lines of JSON are those of run-program.ts.
"""

import json
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlparse

import requests


class OneDriveTokenHandler:
    def __init__(self, app_name, client_id, scopes, db_filepath, authority, open_browser):
        self.app_name = app_name
        self.client_id = client_id
        self.scope = " ".join([*scopes, "offline_access"])
        self.endpoints = f"{authority}/oauth2/v2.0"
        self.open_browser = open_browser
        self.access_token = None
        self.expires_at = 0
        self.db = sqlite3.connect(db_filepath)
        self.db.execute("CREATE TABLE IF NOT EXISTS token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))")

    def get_token(self):
        if self.access_token and time.time() < self.expires_at:
            return self.access_token
        row = self.db.execute("SELECT refresh_token FROM token WHERE app_name = ?", (self.app_name,)).fetchone()
        return self.request_token(grant_type="refresh_token", refresh_token=row[0]) if row else self.sign_in()

    def sign_in(self):
        received = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                received.update(parse_qs(urlparse(self.path).query))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"You can close this window.")

            def log_message(self, *_):
                pass

        with HTTPServer(("localhost", 0), Handler) as server:
            redirect_uri = f"http://localhost:{server.server_port}"
            query = {"response_type": "code", "redirect_uri": redirect_uri, "scope": self.scope}
            self.open_browser(f"{self.endpoints}/authorize?{urlencode({'client_id': self.client_id, **query})}")
            server.handle_request()
        return self.request_token(grant_type="authorization_code", code=received["code"][0], redirect_uri=redirect_uri)

    def request_token(self, **params):
        data = {"client_id": self.client_id, "scope": self.scope, **params}
        response = requests.post(f"{self.endpoints}/token", data=data, timeout=30)
        response.raise_for_status()
        tokens = response.json()
        with self.db:
            self.db.execute(
                "INSERT INTO token (app_name, refresh_token) VALUES (?, ?)"
                " ON CONFLICT (app_name) DO UPDATE SET refresh_token = excluded.refresh_token",
                (self.app_name, tokens["refresh_token"]),
            )
        self.access_token = tokens["access_token"]
        self.expires_at = time.time() + tokens["expires_in"]
        return self.access_token


def say(**line):
    print(json.dumps(line), flush=True)


mode, situation = sys.argv[1], json.loads(sys.argv[2])
handler = OneDriveTokenHandler(
    "python",
    situation["clientId"],
    ["https://graph.microsoft.com/Files.ReadWrite.All"],
    f"{situation['folder']}/python.db",
    situation["authority"],
    lambda url: say(open=url),
)
if mode == "token":
    print(handler.get_token())
elif mode == "sign-in":
    say(token=handler.sign_in())
else:
    say()
    sys.stdin.readline()
    try:
        say(token=handler.get_token())
    except requests.RequestException as error:
        say(failed=str(error)[:200])

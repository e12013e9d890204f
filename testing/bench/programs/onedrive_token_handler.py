"""A short form of the class that this project replaces: http.server for one request, requests, sqlite3.

    python3 onedrive_token_handler.py MODE SITUATION

The modes and the lines of JSON are those of run-program.ts.
"""

import json
import os
import sqlite3
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests


class OneDriveTokenHandler:
    def __init__(self, app_name, client_id, scopes, db_filepath, authority, open_browser):
        self.app_name = app_name
        self.client_id = client_id
        self.scopes = [*scopes, "offline_access"]
        self.authority = authority
        self.open_browser = open_browser
        self.access_token = None
        self.expires_at = 0
        self.db = sqlite3.connect(db_filepath)
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))"
        )

    def get_token(self):
        if self.access_token and time.time() < self.expires_at:
            return self.access_token
        row = self.db.execute(
            "SELECT refresh_token FROM token WHERE app_name = ?", (self.app_name,)
        ).fetchone()
        if not row:
            return self.sign_in()
        return self._request_token(grant_type="refresh_token", refresh_token=row[0])

    def sign_in(self):
        received = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                received.update(urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"You can close this window.")

            def log_message(self, *_):
                pass

        with HTTPServer(("localhost", 0), Handler) as server:
            redirect_uri = f"http://localhost:{server.server_port}"
            query = {
                "client_id": self.client_id,
                "response_type": "code",
                "redirect_uri": redirect_uri,
                "scope": " ".join(self.scopes),
            }
            self.open_browser(f"{self.authority}/oauth2/v2.0/authorize?{urllib.parse.urlencode(query)}")
            server.timeout = 180
            server.handle_request()
        return self._request_token(
            grant_type="authorization_code", code=received["code"][0], redirect_uri=redirect_uri
        )

    def _request_token(self, **params):
        response = requests.post(
            f"{self.authority}/oauth2/v2.0/token",
            data={"client_id": self.client_id, "scope": " ".join(self.scopes), **params},
            timeout=30,
        )
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


def main():
    mode, situation = sys.argv[1], json.loads(sys.argv[2])
    handler = OneDriveTokenHandler(
        "python",
        situation["clientId"],
        ["https://graph.microsoft.com/Files.ReadWrite.All"],
        os.path.join(situation["folder"], "python.db"),
        situation["authority"],
        lambda url: say(open=url),
    )
    if mode == "token":
        print(handler.get_token())
        return
    try:
        if mode == "sign-in":
            say(token=handler.sign_in())
            return
        say()
        sys.stdin.readline()
        say(token=handler.get_token())
    except Exception as error:
        say(failed=f"{type(error).__name__}: {error}"[:200])


if __name__ == "__main__":
    main()

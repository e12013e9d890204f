import Database from 'better-sqlite3';

/** The statements with which the first version of this package made its tables. They must not change. */
const tables = `
CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name));
ALTER TABLE token ADD COLUMN access_token TEXT;
ALTER TABLE token ADD COLUMN expires_at INTEGER;
ALTER TABLE token ADD COLUMN obtained_at INTEGER;
ALTER TABLE token ADD COLUMN client_id TEXT;
ALTER TABLE token ADD COLUMN authority TEXT;
ALTER TABLE token ADD COLUMN scope TEXT;
ALTER TABLE token ADD COLUMN id_token TEXT;
ALTER TABLE token ADD COLUMN sealed BLOB;
ALTER TABLE token ADD COLUMN revision INTEGER;
CREATE TABLE token_key (salt BLOB NOT NULL, verifier BLOB NOT NULL) STRICT;
CREATE TRIGGER token_insert_key BEFORE INSERT ON token
WHEN substr(NEW.sealed, 1, 16) IS NOT (SELECT salt FROM token_key)
  OR (NEW.sealed IS NOT NULL AND NEW.refresh_token IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'this token database is encrypted with another key');
END;
CREATE TRIGGER token_update_key BEFORE UPDATE ON token
WHEN substr(NEW.sealed, 1, 16) IS NOT (SELECT salt FROM token_key)
  OR (NEW.sealed IS NOT NULL AND NEW.refresh_token IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'this token database is encrypted with another key');
END;
CREATE TRIGGER token_foreign_write AFTER UPDATE OF refresh_token ON token
WHEN NEW.refresh_token IS NOT OLD.refresh_token AND NEW.revision IS OLD.revision
BEGIN
  UPDATE token SET access_token = NULL, expires_at = NULL, obtained_at = NULL, client_id = NULL,
    authority = NULL, scope = NULL, id_token = NULL WHERE app_name = NEW.app_name;
END;
PRAGMA application_id = ${0x746f6b6e};
PRAGMA user_version = 1;
`;

/** What the first version stored, byte for byte, of `sealedRecord` under the name `app`. */
export const sealedBy = {
  bytes: {
    key: new Uint8Array(32).fill(7),
    salt: '0D500B702A0A32474861A25F5D5D19BE',
    verifier: '0D500B702A0A32474861A25F5D5D19BE1C7DEA4320DF4613ADDC3533C8A8CA9995FB0FEE152703FCC1339E84',
    sealed:
      '0D500B702A0A32474861A25F5D5D19BE0D06BABDFD6D111CE37F4DEA9675ABD128D67085184A7693D27E84851B07C93365CBC3B4C81CC8486769B1FEB355C51F060036A2D6FB7F39AFE84EB401E6519A5A50AE1F954BD9D4E3CAA67E9AD867134A6193D9A033F212F5F7AD87E1EC951929B8B29CDC6F860A009D28780BAD2A0010C29CCE797894',
  },
  passphrase: {
    key: 'correct horse battery staple',
    salt: '0360D8D931FD4FE813B7EE882ABA9EF9',
    verifier: '0360D8D931FD4FE813B7EE882ABA9EF999D9B8009C83D6405E0AF49AFB2F9761809A1EBB551416EAFAE181BA',
    sealed:
      '0360D8D931FD4FE813B7EE882ABA9EF92AF67EB5BFA431140F37F58ED34FE3D387A3E570FD157294D1B68E6FA42C468E2F36C193F86315DC172C666A6B2D6AF9FCC66A15FA87D930FFA3776E539BF4B31E63891663E997D661E665AF6235A61C6F643FF625492B6B3DC1DEF65A14931826E0A1D282487178816AD0F1CA72158F69077AE8ABE937',
  },
};
export const sealedRecord = {
  refreshToken: 'refresh',
  accessToken: 'access',
  expiresAt: 1_800_000_000_000,
  scope: 'files',
};

/** Makes a file of the first version with one record, of the name `app`. */
export function makeVersion1(path: string, record: { refreshToken: string; accessToken?: string }): void {
  make(path, (database) => {
    database
      .prepare('INSERT INTO token (app_name, refresh_token, access_token, revision) VALUES (?, ?, ?, 1)')
      .run('app', record.refreshToken, record.accessToken ?? null);
  });
}

/** Makes an encrypted file of the first version, with `sealedRecord`. */
export function makeSealedVersion1(
  path: string,
  { salt, verifier, sealed }: Record<'salt' | 'verifier' | 'sealed', string>,
): void {
  make(path, (database) => {
    const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
    database.prepare('INSERT INTO token_key VALUES (?, ?)').run(bytes(salt), bytes(verifier));
    database.prepare("INSERT INTO token (app_name, sealed, revision) VALUES ('app', ?, 1)").run(bytes(sealed));
  });
}

function make(path: string, fill: (database: Database.Database) => void): void {
  const database = new Database(path);
  database.exec(tables);
  fill(database);
  database.close();
}

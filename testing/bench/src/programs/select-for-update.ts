import pg from 'pg';
import { runProgram, scopes } from './run-program.ts';

/**
 * What a program would do without the store: a row that is locked in a transaction while the request is under way. It pins a connection
 * for each process that waits.
 */
await runProgram(({ authority, clientId, connectionString = '' }) => {
  const pool = new pg.Pool({ connectionString, max: 1 });
  pool.on('error', () => {});
  return {
    async prepare() {
      await pool.query('SELECT 1');
    },
    async token() {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query('SELECT * FROM bare_token WHERE name = $1 FOR UPDATE', ['onedrive-token']);
        const [row] = rows;
        if (Number(row.expires_at) > Date.now()) {
          await client.query('COMMIT');
          return row.access_token;
        }
        const form = { grant_type: 'refresh_token', client_id: clientId, refresh_token: row.refresh_token };
        const body = new URLSearchParams({ ...form, scope: [...scopes, 'offline_access'].join(' ') });
        const answer = await fetch(`${authority}/oauth2/v2.0/token`, { method: 'POST', body });
        const tokens = await answer.json();
        if (!answer.ok) throw new Error(tokens.error);
        const expiresAt = Date.now() + tokens.expires_in * 1000;
        const values = [tokens.access_token, tokens.refresh_token, expiresAt, 'onedrive-token'];
        await client.query(
          'UPDATE bare_token SET access_token = $1, refresh_token = $2, expires_at = $3 WHERE name = $4',
          values,
        );
        await client.query('COMMIT');
        return tokens.access_token;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    signIn: () => Promise.reject(new Error('it cannot sign in')),
  };
});

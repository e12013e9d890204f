/** block.ts PATH MILLISECONDS [TIMEOUT]: keeps the database locked for that time, like a program that hangs during a write. */
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';

const [path = '', milliseconds, timeout = 5_000] = process.argv.slice(2);
const database = new Database(path, { timeout: Number(timeout) });
database.exec('BEGIN EXCLUSIVE');
console.log('blocks');
await delay(Number(milliseconds));
database.exec('COMMIT');
database.close();

/** block.ts PATH MILLISECONDS: keeps the database locked for so long, as a program that hangs within a write would. */
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';

const [path = '', milliseconds] = process.argv.slice(2);
const database = new Database(path);
database.exec('BEGIN EXCLUSIVE');
console.log('blocks');
await delay(Number(milliseconds));
database.exec('COMMIT');
database.close();

const pageSize = 4096;
const sectorSize = 512;
const nonce = 7;

/** A journal that makes SQLite replace every page of a database by those of `database` (https://www.sqlite.org/fileformat2.html#the_rollback_journal). */
export function rollbackJournal(database: Buffer): Buffer {
  const count = database.length / pageSize;
  const header = Buffer.alloc(sectorSize);
  header.write('d9d505f920a163d7', 'hex');
  for (const [index, value] of [count, nonce, count, sectorSize, pageSize].entries())
    header.writeUInt32BE(value, 8 + 4 * index);
  const records = Array.from({ length: count }, (_, index) => {
    const page = database.subarray(index * pageSize, (index + 1) * pageSize);
    let sum = nonce;
    for (let at = pageSize - 200; at > 0; at -= 200) sum += page[at] ?? 0;
    const [number, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    number.writeUInt32BE(index + 1);
    checksum.writeUInt32BE(sum);
    return Buffer.concat([number, page, checksum]);
  });
  return Buffer.concat([header, ...records]);
}

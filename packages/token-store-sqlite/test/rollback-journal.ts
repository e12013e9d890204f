const pageSize = 4096;
const sectorSize = 512;
const nonce = 7;
const magic = 'd9d505f920a163d7';

/** A journal that makes SQLite replace every page of a database by those of `database` (https://www.sqlite.org/fileformat2.html#the_rollback_journal). */
export function rollbackJournal(database: Buffer): Buffer {
  const count = database.length / pageSize;
  const header = Buffer.alloc(sectorSize);
  header.write(magic, 'hex');
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

/** A journal that restores nothing, of a write to several databases. "Super-journal": the file that has the names of their journals. */
export function journalOfSeveral(superJournal: string): Buffer {
  const name = Buffer.from(superJournal);
  const end = Buffer.alloc(16);
  end.writeUInt32BE(name.length);
  end.writeUInt32BE(
    name.reduce((sum, byte) => sum + byte, 0),
    4,
  );
  end.write(magic, 8, 'hex');
  return Buffer.concat([rollbackJournal(Buffer.alloc(0)), Buffer.alloc(4), name, end]);
}

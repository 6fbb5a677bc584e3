import { DatabaseSync } from "node:sqlite";

/**
 * The embedded engine (dynoxide 1.2.1) keeps the stream records of all tables in one table without an index, looks
 * through all of it for the next sequence number at each write, and never deletes one. Its database is SQLite, and SQLite
 * lets a second process put the index there: then a write costs the same after any number of records
 * (docs/decisions/009-local-service.md has the measurements).
 *
 * Everything here is about time and space. If a later engine keeps its records otherwise, it throws, and nothing is
 * changed.
 */

/** The engine waits as long for us, and holds the database for the milliseconds of a transaction. */
const busyMilliseconds = 5_000;

/** Call once the engine runs, since it is the engine that creates the table. Safe to repeat. */
export function indexStreamRecords(databasePath: string): void {
  // Exactly the expression that the engine searches and sorts by.
  change(databasePath, (database) =>
    database.exec(
      "CREATE INDEX IF NOT EXISTS rollcall_stream_order ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    ),
  );
}

/**
 * Deletes the records of these shards up to the sequence numbers given, but for the very last: the engine counts on from it.
 * Call when the engine has ended.
 */
export function trimStreamRecords(databasePath: string, positions: ReadonlyMap<string, string>): void {
  change(databasePath, (database) => {
    const trim = database.prepare(
      "DELETE FROM _stream_records WHERE shard_id = ? AND CAST(sequence_number AS INTEGER) < CAST(? AS INTEGER)",
    );
    for (const [shardId, sequenceNumber] of positions) trim.run(shardId, sequenceNumber);
  });
}

function change(databasePath: string, act: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(databasePath, { timeout: busyMilliseconds });
  try {
    act(database);
  } finally {
    database.close();
  }
}

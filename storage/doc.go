// Package storage keeps what the node knows in one SQLite file: bun records, one file per entity, and the migrations
// that make their tables.
//
// Reads go to a pool of connections ([DB] has every query as a method). Writes go through [DB.Write], which runs them on
// one connection and commits those that wait together in one transaction (group commit): a durable commit costs an
// fsync, and an inbox under load has many writers. Each writer still stands alone: one that fails is rolled back to its
// savepoint and the others stay.
//
// Durability: WAL with synchronous=FULL. When Write returns nil the change survives a power cut.
//
// The package imports nothing of dunnock's, decides nothing about privacy and starts no work of its own beyond the
// writer. Times are kept as Unix milliseconds ([Time]); the clock is the caller's.
package storage

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
// The driver is github.com/ncruces/go-sqlite3. It and modernc.org/sqlite, both SQLite 3.54.1 in pure Go, were measured side
// by side under an inbox-shaped load: 16 submitters of activities of 1.5 KB, each an insert into queue, posts and
// notifications, an update of its actor and a delete, in groups of up to 128 a commit, synchronous=FULL, 100,000 posts,
// two cores; medians of runs in turn, and the first over the second:
//
//	                                           ncruces     modernc    ratio
//	activities a second, 1 outstanding each      5,730       7,437     0.77
//	activities a second, 8 outstanding each      8,214       9,292     0.88
//	the same beside 5,900 reads a second         5,760       5,972     0.96
//	point read beside them, p99                 186 µs      435 µs     0.43
//	timeline of 20 among 100,000, p50            99 µs      121 µs     0.82
//	start of a process to the first query       5.7 ms      5.7 ms     1.01
//	anonymous memory, idle, 4 connections       2.4 MB      2.1 MB     1.14
//	anonymous memory after paced load           8.8 MB     11.0 MB     0.80
//	static binary                               7.6 MB      6.6 MB     1.15
//
// They are close. What decided is the memory held after load, and that ncruces lets a test put a file system of its own
// under SQLite through a public interface, so that power cuts can be simulated. It is slower when readers saturate the
// processors, which is why few connections read.
//
// The package imports nothing of dunnock's, decides nothing about privacy and starts no work of its own beyond the
// writer. Times are kept as Unix milliseconds ([Time]); the clock is the caller's.
package storage

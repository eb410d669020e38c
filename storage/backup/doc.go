// Package backup writes all that a node keeps into one encrypted stream, and reads it back.
//
// A backup is age(gzip(tar)), https://age-encryption.org/v1: `age -d FILE | tar xz` opens it without dunnock. In the tar,
// in this order:
//
//	dunnock.json            a [Manifest]: whose it is, when it was made, which migrations its tables have
//	dunnock.toml            the configuration, if there was one
//	media/NAME              each file
//	tables/NAME.NNNNN.json  rows: {"table": …, "columns": [...], "rows": [[...], ...]}
//	end.json                how many rows of each table and how many files there were
//
// Numbers, text and null are as in JSON; bytes are {"bytes": base64}, and text that is no UTF-8 is {"text": base64}.
//
// Rows are copied, not pages of the file, so nothing that was deleted is in a backup, and neither is the ledger unless it is
// asked for: the best record of the owner that there is belongs in as few places as possible. The rows are those of one
// moment, however long the writing takes and whatever the node does meanwhile. Nothing is written to the disk in clear.
//
// An observer who gets hold of a backup learns its size and the recipients' kind. Encryption to a public key does not say
// who made a backup: whoever knows the key and can write to where backups are can put one of his own making there. What is
// read is therefore taken for data, never for SQL: rows go into the tables that the migrations make, or not at all.
//
// The package reads a database and a folder, and writes into a folder that it is given. It takes no lock, knows no
// configuration and puts nothing in place.
package backup

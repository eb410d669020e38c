-- SHA-256 of a file's bytes; NULL for those kept before there was one.
ALTER TABLE blobs ADD COLUMN hash {{.Bytes}};

// Package storagetest fills a database with as much as a node may come to hold: for benchmarks, load programs and tests of
// what time does to it.
//
// The rows are made by SQL within SQLite, on a connection of their own that a power cut may damage, which is what makes
// them cheap. They look like those of a node that has run for a while: keys are URLs that come in no order, posts are by
// people of many servers, some answer each other, some name the owner, some were liked by the owner. Nothing
// here is for a database that anybody wants to keep.
package storagetest

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// Config says what to fill a database with. Its zero value makes nothing.
type Config struct {
	// Owner is the URI of the owner's actor. Empty: https://home.example/users/owner.
	Owner string
	// Posts is how many posts of others, each with what comes with it: one actor for fifty posts, one server for ten
	// actors, a mark that it was seen, an entry of the timeline for most, a notification for one in fifty, a like
	// of the owner's for one in a thousand.
	Posts int
	// Queue is how many deliveries wait: acts of the owner's about as many posts, each on its way to 1,000 inboxes.
	Queue int
	// Due is when the queue's servers are to be looked at. Zero: in an hour.
	Due time.Time
	// Since is how long ago the first post came; the others follow evenly until now. 0: 14 days.
	Since time.Duration
}

// step is how many rows one statement makes: few enough that the log does not outgrow the database.
const step = 20_000

// Fill fills the database at path, which is made if it is missing. Nobody else may have it open. Filling a
// database again adds nothing but what a larger Config has more.
func Fill(ctx context.Context, path string, c Config) (err error) {
	made, err := storage.Open(ctx, storage.Config{Path: path})
	if err != nil {
		return err
	}
	if err := made.Close(); err != nil {
		return err
	}
	q := url.Values{"_pragma": {"locking_mode(EXCLUSIVE)", "journal_mode(OFF)", "synchronous(OFF)", "cache_size(-65536)"}}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)

	restore, err := dropIndices(ctx, db)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	s := shape(c, time.Now())
	for _, t := range s.tables() {
		for from := 0; from < t.rows; from += step {
			query := fmt.Sprintf("WITH RECURSIVE rows(n) AS (VALUES(%d) UNION ALL SELECT n+1 FROM rows WHERE n+1 < %d) %s FROM rows WHERE true ON CONFLICT DO NOTHING",
				from, min(from+step, t.rows), t.insert)
			if _, err := db.ExecContext(ctx, query); err != nil {
				return fmt.Errorf("fill %s: %w", t.name, err)
			}
		}
	}
	return restore()
}

// dropIndices removes the indices that only make queries faster: made anew at the end, sorted, they cost half.
func dropIndices(ctx context.Context, db *sql.DB) (restore func() error, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	made := map[string]string{}
	for rows.Next() {
		var name, statement string
		if err := rows.Scan(&name, &statement); err != nil {
			return nil, err
		}
		made[name] = statement
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for name := range made {
		if _, err := db.ExecContext(ctx, "DROP INDEX "+name); err != nil {
			return nil, err
		}
	}
	return func() error {
		for _, statement := range made {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("fill: %w", err)
			}
		}
		return nil
	}, nil
}

// sizes is a Config with everything in it that follows from it.
type sizes struct {
	Config
	actors, hosts, followed int
	acts                    int
	now, step               int64 // milliseconds; step lies between two posts
}

func shape(c Config, now time.Time) sizes {
	s := sizes{Config: c, now: now.UnixMilli()}
	s.Owner = cmp.Or(c.Owner, "https://home.example/users/owner")
	if c.Due.IsZero() {
		s.Due = now.Add(time.Hour)
	}
	s.actors = max(20, c.Posts/50)
	s.hosts = max(10, s.actors/10)
	s.followed = min(1000, s.actors/2)
	s.acts = (c.Queue + perAct - 1) / perAct
	s.step = cmp.Or(c.Since, 14*24*time.Hour).Milliseconds() / int64(max(1, c.Posts))
	return s
}

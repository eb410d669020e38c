package main

import (
	"context"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/storage"
	"github.com/dunnock-server/dunnock/storage/storagetest"
)

// size is how much a node holds before the load.
type size struct{ posts, queue int }

// sizeFlags ask for it.
func sizeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "posts", Usage: "then fill the node with `N` posts, and do it again"},
		&cli.IntFlag{Name: "queue", Usage: "likewise with `N` deliveries that wait"},
	}
}

func sizeOf(c *cli.Context) (s size, err error) {
	if s.posts, err = count(c, "posts", 0); err == nil {
		s.queue, err = count(c, "queue", 0)
	}
	return s, err
}

// atSize is the beginning of the names of figures of a node that was filled.
const atSize = "at size: "

// twice runs a load on a node as it is made, and if a size is asked for once more on the filled one.
func (t *trial) twice(ctx context.Context, s size, load func(ctx context.Context) error) error {
	if err := t.node.Start(ctx); err != nil {
		return err
	}
	if err := load(ctx); err != nil || s == (size{}) {
		return err
	}
	return t.filled(ctx, s, load)
}

// filled fills the node, and runs a load on it.
func (t *trial) filled(ctx context.Context, s size, load func(ctx context.Context) error) error {
	if err := t.fill(ctx, s); err != nil {
		return err
	}
	if err := t.node.Start(ctx); err != nil {
		return err
	}
	t.prefix = atSize
	defer func() { t.prefix = "" }()
	return load(ctx)
}

// fill stops the node and fills its database.
func (t *trial) fill(ctx context.Context, s size) error {
	if err := t.node.Stop(); err != nil {
		return err
	}
	t.say("filling the database: %d posts, %d deliveries", s.posts, s.queue)
	path := t.node.Database()
	if err := storagetest.Fill(ctx, path, storagetest.Config{Owner: t.node.Owner(), Posts: s.posts, Queue: s.queue}); err != nil {
		return err
	}
	db, err := storage.Open(ctx, storage.Config{Path: path})
	if err != nil {
		return err
	}
	return errors.Join(t.unfollow(ctx, db), db.Close())
}

// unfollow takes away the followers that came with the filling: what the owner posts is for the fleet alone.
func (t *trial) unfollow(ctx context.Context, db *storage.DB) error {
	follows, err := db.Followers(ctx, t.node.Owner(), "")
	if err != nil {
		return err
	}
	return db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		for _, f := range follows {
			if strings.HasPrefix(f.Follower, "http://") { // of the fleet
				continue
			}
			if _, err := tx.DeleteFollow(ctx, f.Follower, f.Followee); err != nil {
				return err
			}
		}
		return nil
	})
}

// over adds a figure at size as a multiple of the same one of an empty node, if there are both.
func (t *trial) over(name, of string) {
	empty, ok := t.value(of)
	full, also := t.value(atSize + of)
	if ok && also {
		t.add(name, full/empty, "×")
	}
}

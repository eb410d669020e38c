package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dunnock-server/dunnock/federation/discovery"
	"github.com/dunnock-server/dunnock/federation/documents"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

const tidyEvery = time.Minute

// routes is everything the world can ask for.
func (n *Node) routes(gate *hardening.Gate, ids wire.IDs) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /inbox", n.inbox)
	mux.Handle("POST /users/{name}/inbox", n.inbox)
	found := discovery.New(discovery.Config{Gate: gate, IDs: ids, Log: n.config.Log})
	mux.Handle("/.well-known/", found)
	mux.Handle("/nodeinfo/", found)
	mux.Handle("/", documents.New(documents.Config{DB: n.db, Gate: gate, IDs: ids, Resolver: n.resolver, Open: n.files.Open, Log: n.config.Log}))
	return ownHost(ids, mux)
}

// ownHost answers only requests for the node's own names: an observer who scans addresses learns nothing from it.
func ownHost(ids wire.IDs, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, err := hostname.HostOf(ids.Scheme + "://" + r.Host)
		if err != nil || host != ids.Host && host != ids.Domain {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Run listens, serves and works until ctx ends. Then it stops listening, finishes the requests under way, stops the
// queues and returns nil. It returns earlier, with an error, when it cannot listen.
func (n *Node) Run(ctx context.Context) error {
	limits := n.config.Listen
	public := n.config.Listener
	if public == nil {
		var err error
		if public, err = ingress.Listen(limits); err != nil {
			return err
		}
	}
	var owner net.Listener
	if !n.config.Socketless {
		var err error
		if owner, err = ingress.ListenControl(filepath.Join(n.config.DataDir, SocketName)); err != nil {
			return errors.Join(err, public.Close())
		}
	}
	// The workers outlive the listeners, so that what was taken in is not left half done.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers errgroup.Group
	workers.Go(func() error { return n.queue.Run(working) })
	workers.Go(func() error { return n.inbox.Run(working) })
	workers.Go(func() error { return n.keeper.Run(working) })
	workers.Go(func() error { return n.tidy(working) })
	workers.Go(func() error { return n.ledger.Run(working) })
	workers.Go(func() error { return n.egress.Run(working) })

	serving, serve := errgroup.WithContext(ctx)
	serving.Go(func() error { return ingress.NewServer(n.public, limits, n.config.Log).Serve(serve, public) })
	if owner != nil {
		serving.Go(func() error {
			return ingress.NewServer(n.control, controlLimits(), n.config.Log).Serve(serve, owner)
		})
	}
	if n.config.Ready != nil {
		n.config.Ready(n.URL())
	}
	err := serving.Wait()
	stop()
	return errors.Join(err, workers.Wait())
}

// controlLimits are for the owner, who may hand over large pictures and wait for slow servers.
func controlLimits() ingress.Config {
	return ingress.Config{MaxBody: 1 << 30, ReadTimeout: 5 * time.Minute, WriteTimeout: 5 * time.Minute}
}

// Drain does everything that is due now, of both queues, and returns when nothing is left. What is due later stays.
func (n *Node) Drain(ctx context.Context) error {
	for {
		in, err := n.inbox.ProcessBatch(ctx)
		if err != nil {
			return err
		}
		out, err := n.queue.ProcessBatch(ctx)
		if err != nil {
			return err
		}
		if in+out == 0 {
			return nil
		}
	}
}

// tidy does what is to be done now and then: calls that were kept, posts whose time is over, polls with new votes.
func (n *Node) tidy(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := n.tidyOnce(ctx); err != nil && ctx.Err() == nil {
			n.config.Log.Error("tidying up failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (n *Node) tidyOnce(ctx context.Context) error {
	trusted, times := n.times(ctx)
	_, replay := n.control.Replay(ctx)
	_, tally := n.service.Tally(ctx)
	n.trusted.Store(trusted)
	if !trusted {
		return errors.Join(times, replay, tally)
	}
	_, expire := n.service.Expire(ctx)
	return errors.Join(times, replay, tally, expire)
}

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
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

const tidyEvery = time.Minute

// route is a pattern of [http.ServeMux], and who answers there.
type route struct {
	pattern string
	handler http.Handler
}

// routes is everything the world can ask for.
func (n *Node) routes(gate *hardening.Gate, ids wire.IDs) []route {
	found := discovery.New(discovery.Config{Gate: gate, IDs: ids, Log: n.config.Log})
	return []route{
		{"POST /inbox", n.inbox},
		{"POST /users/{name}/inbox", n.inbox},
		{"/.well-known/", found},
		{"/nodeinfo/", found},
		{"/", documents.New(n.documents(gate, ids))},
	}
}

// surfaces is everything that the owner alone can ask for. Where it is not served its paths are in no mux: they are answered
// by the same code, with the same bytes, as what never was.
func (n *Node) surfaces() (list []route) {
	if make := n.config.Owner.Surfaces; make != nil {
		for pattern, h := range make(n.service) {
			list = append(list, route{pattern, h})
		}
	}
	return list
}

func mux(lists ...[]route) http.Handler {
	m := http.NewServeMux()
	for _, list := range lists {
		for _, r := range list {
			m.Handle(r.pattern, r.handler)
		}
	}
	return m
}

// Run listens, serves and works until ctx ends. Then it stops listening, finishes the requests under way, stops the
// queues and returns nil. It returns earlier, with an error, when it cannot listen.
func (n *Node) Run(ctx context.Context) error {
	if err := openDoors(n.doors); err != nil {
		return err
	}
	var commands net.Listener
	if !n.config.Socketless {
		var err error
		if commands, err = ingress.ListenControl(filepath.Join(n.config.DataDir, SocketName)); err != nil {
			return errors.Join(err, closeDoors(n.doors))
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
	if n.certs != nil {
		workers.Go(func() error { return n.certs.Run(working) })
	}

	serving, serve := errgroup.WithContext(ctx)
	for _, d := range n.doors {
		d.serve(serve, serving)
	}
	if commands != nil {
		serving.Go(func() error {
			return ingress.NewServer(n.control, controlLimits(), n.config.Log).Serve(serve, commands)
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

package inbox

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	// maxDoubts bounds the requests that wait to be verified, and maxDoubted how long each may be: beside the headers, the
	// product is all that strangers can make us hold by it.
	maxDoubts  = 64
	maxDoubted = 64 << 10 // bytes
)

// doubts are Updates and Deletes in the name of actors who are known, whose signatures do not fit the keys that are. Servers
// send them when an account has a new key; anybody may send them in anybody's name. Such a request is answered like one
// about somebody nobody here has heard of, at once, and verified afterwards: an observer who can time the answers, or reads
// their status, must not learn whom the node knows.
//
// They are in memory alone: what is not verified is not worth a write. A crash in these moments loses them.
type doubts struct {
	mu   sync.Mutex
	held []doubt
}

// doubt is a request that waits to be verified. What was read from its body is not held: it can be many times as big.
type doubt struct {
	r     *http.Request // without its body
	body  []byte
	actor string
}

// hold keeps a request, if there is room.
func (d *doubts) hold(r *http.Request, body []byte, actor string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.held) < maxDoubts && len(body) <= maxDoubted {
		r = r.Clone(context.Background())
		r.Body = nil
		d.held = append(d.held, doubt{r, body, actor})
	}
}

// take returns what is held, and holds it no more.
func (d *doubts) take() []doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := d.held
	d.held = nil
	return held
}

// verify queues those of the doubted requests that are signed by whom they claim: those of one actor in the order they
// came, those of different actors side by side. It asks each actor's server once at most: the resolver remembers.
func (in *Inbox) verify(ctx context.Context, held []doubt) {
	of := map[string][]doubt{}
	for _, d := range held {
		of[d.actor] = append(of[d.actor], d)
	}
	var wg sync.WaitGroup
	for _, those := range of {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, impatience)
			defer cancel()
			for _, d := range those {
				if err := in.resolved(ctx, d); err != nil && !unproven(err) && ctx.Err() == nil {
					in.Log.Error("a sender could not be verified", "err", err)
				}
			}
		})
	}
	wg.Wait()
}

// resolved queues a doubted request if it is signed by whom it claims, and says what is wrong if it is not.
func (in *Inbox) resolved(ctx context.Context, d doubt) error {
	signed, err := in.Resolver.Authenticate(ctx, d.r, d.body, d.actor)
	if err != nil {
		return err
	}
	a, err := parse(d.body)
	if err != nil {
		return err
	}
	_, err = in.enqueue(ctx, a, d.body, signed)
	return err
}

// unproven says that it is about a sender, and no fault of the node, that a request could not be verified.
func unproven(err error) bool {
	for _, of := range []error{resolve.ErrUnverified, resolve.ErrRefused, resolve.ErrGone, resolve.ErrUnreachable, hardening.ErrBudget} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// enqueue keeps an activity that its actor signed; false says that it came before.
func (in *Inbox) enqueue(ctx context.Context, a *activity, body []byte, signed *resolve.Signed) (fresh bool, err error) {
	a.name(body, signed.At)
	now := storage.Now()
	row := &storage.Inbound{Actor: a.actor, Activity: a.id, Body: body, SignedAt: storage.At(signed.At), ReceivedAt: now, DueAt: now}
	if a.doc != nil {
		in.fresh.put(a) // before it is stored, from when on it may be taken; it is the worker's then
	}
	err = in.DB.WriteAgain(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		fresh, err = tx.Accept(ctx, row)
		return err
	})
	if err != nil || !fresh {
		in.fresh.take(row.Actor, row.Activity)
	}
	return fresh && err == nil, err
}

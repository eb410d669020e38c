package federation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// Waiting is an act on its way to an inbox.
type Waiting struct {
	ID       string    `json:"id"`
	Act      string    `json:"act"` // type of the activity
	Object   string    `json:"object"`
	Host     string    `json:"host"`
	Inbox    string    `json:"inbox"`
	Due      time.Time `json:"due"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty"`
}

// Call is something that the owner asked for while other servers could not be asked.
type Call struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Error   string    `json:"error,omitempty"`
}

// Queued is everything that has yet to leave, and what was given up.
type Queued struct {
	Waiting []Waiting `json:"waiting"`
	Calls   []Call    `json:"calls"`
	GivenUp []Waiting `json:"given_up"`
}

// maxQueued bounds how much of the queue is listed.
const maxQueued = 1000

// Queued lists what has yet to leave, and what was given up.
func (s *Service) Queued(ctx context.Context) (*Queued, error) {
	rows, err := s.DB.Deliveries(ctx, maxQueued)
	if err != nil {
		return nil, err
	}
	q := &Queued{Waiting: []Waiting{}, Calls: []Call{}, GivenUp: []Waiting{}}
	acts := map[int64]*storage.Act{}
	for _, d := range rows {
		if acts[d.ActID] == nil {
			act, err := s.DB.Act(ctx, d.ActID)
			if errors.Is(err, storage.ErrNotFound) {
				continue // withdrawn in this moment
			}
			if err != nil {
				return nil, fmt.Errorf("read an act of the queue: %w", err)
			}
			acts[d.ActID] = act
		}
		w := Waiting{ID: strconv.FormatInt(d.ID, 10), Act: acts[d.ActID].Type, Object: acts[d.ActID].Object, Host: d.Host,
			Inbox: d.Inbox, Due: d.DueAt.Time, Attempts: d.Attempts, Error: d.Error}
		if d.GivenUp {
			q.GivenUp = append(q.GivenUp, w)
			continue
		}
		if h, err := s.DB.Host(ctx, d.Host); err == nil && h.DueAt.After(w.Due) {
			w.Due = h.DueAt.Time // the server is left alone until then
		}
		q.Waiting = append(q.Waiting, w)
	}
	calls, err := s.DB.Calls(ctx)
	for _, c := range calls {
		q.Calls = append(q.Calls, Call{ID: strconv.FormatInt(c.ID, 10), Name: c.Name, Created: c.CreatedAt.Time, Error: c.Error})
	}
	return q, err
}

// NotifyGivenUp tells the owner that an act did not reach a server. The queue calls it in the transaction that gives up.
func NotifyGivenUp(ctx context.Context, tx storage.Tx, act *storage.Act, d storage.Delivery) error {
	return tx.Notify(ctx, &storage.Notification{Kind: "given_up", Object: act.Object,
		Detail: act.Type + " to " + d.Host + ": " + d.Error, CreatedAt: storage.Now()})
}

// Status is how the node is.
type Status struct {
	Handle    string        `json:"handle"`
	URI       string        `json:"uri"`
	Uptime    time.Duration `json:"uptime_ns"`
	Waiting   int           `json:"waiting"`
	GivenUp   int           `json:"given_up"`
	Inbound   int64         `json:"inbound"`
	Followers int           `json:"followers"`
	Following int           `json:"following"`
}

// Status counts what there is.
func (s *Service) Status(ctx context.Context) (*Status, error) {
	queue, err := s.Queued(ctx)
	if err != nil {
		return nil, err
	}
	inbound, err := s.DB.CountInbound(ctx)
	if err != nil {
		return nil, err
	}
	followers, err := s.DB.Followers(ctx, s.IDs.Owner(), storage.Accepted)
	if err != nil {
		return nil, err
	}
	following, err := s.DB.Following(ctx, s.IDs.Owner(), storage.Accepted)
	return &Status{Handle: "@" + s.IDs.Handle(), URI: s.IDs.Owner(), Uptime: time.Since(s.started), Waiting: len(queue.Waiting),
		GivenUp: len(queue.GivenUp), Inbound: inbound, Followers: len(followers), Following: len(following)}, err
}

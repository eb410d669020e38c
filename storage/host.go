package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Host is what the delivery queue knows of a server.
type Host struct {
	bun.BaseModel `bun:"table:hosts"`

	Host         string `bun:",pk"`
	DueAt        Time   // when to look at its queue next; zero: nothing waits
	Failures     int    // in a row
	FailingSince Time
	Scheme       int // the signature scheme it took last; 0: not known
}

// Host returns what is known of a server; a zero Host for one that is not known.
func (q Queries) Host(ctx context.Context, host string) (*Host, error) {
	h, err := one(ctx, q.db.NewSelect().Where("host = ?", host), new(Host))
	if err == ErrNotFound {
		return &Host{Host: host}, nil
	}
	return h, err
}

// DueHosts returns servers whose queue is due at now, the longest overdue first.
func (q Queries) DueHosts(ctx context.Context, now Time, limit int) ([]Host, error) {
	return all[Host](ctx, q.db.NewSelect().
		Where("due_at IS NOT NULL AND due_at <= ?", now).Order("due_at").Limit(int64(limit)))
}

// DueAlone returns what [Queries.NextDeliveries] does for each of the servers that [Queries.DueHosts] does, but for those to
// whom an act is to leave by several deliveries.
func (q Queries) DueAlone(ctx context.Context, now Time, limit int) ([]Delivery, error) {
	const next = " FROM deliveries AS d WHERE d.host = h.host AND NOT d.given_up AND d.due_at <= ?" +
		" ORDER BY d.due_at, d.act_id, d.id LIMIT 1"
	return all[Delivery](ctx, q.db.NewSelect().
		Join("JOIN hosts AS h ON delivery.id = (SELECT d.id"+next+")", now).
		Where("h.due_at IS NOT NULL AND h.due_at <= ?", now).
		Where("(SELECT d.act_id"+next+" OFFSET 1) IS DISTINCT FROM delivery.act_id", now).
		Order("h.due_at").Limit(int64(limit)))
}

// NextHostDue returns when the next server is due of those that are not due at now yet; zero when there is none.
func (q Queries) NextHostDue(ctx context.Context, now Time) (Time, error) {
	rows, err := all[Host](ctx, q.db.NewSelect().Where("due_at > ?", now).Order("due_at").Limit(1))
	if err != nil || len(rows) == 0 {
		return Time{}, err
	}
	return rows[0].DueAt, nil
}

// PutHost writes all that is known of a server.
func (tx Tx) PutHost(ctx context.Context, h *Host) error {
	_, err := tx.db.NewInsert().Model(h).On("CONFLICT (host) DO UPDATE").
		Set("due_at = EXCLUDED.due_at, failures = EXCLUDED.failures, failing_since = EXCLUDED.failing_since").
		Set("scheme = EXCLUDED.scheme").Exec(ctx)
	return err
}

// SettleHost writes that a server took something in a scheme, and returns when the next act is due there; zero when nothing
// waits. It returns [ErrNotFound] for a server that is not known.
func (tx Tx) SettleHost(ctx context.Context, host string, scheme int) (next Time, err error) {
	err = tx.direct().QueryRowContext(ctx, "UPDATE hosts SET failures = 0, failing_since = NULL, scheme = $1,"+
		" due_at = (SELECT min(due_at) FROM deliveries AS d WHERE d.host = hosts.host AND NOT d.given_up)"+
		" WHERE host = $2 RETURNING due_at", scheme, host).Scan(&next)
	return next, found(err)
}

// WakeHost makes a server due at t unless it already is earlier, or waits out a failure.
func (tx Tx) WakeHost(ctx context.Context, host string, t Time) error {
	_, err := tx.db.NewInsert().Model(&Host{Host: host, DueAt: t}).On("CONFLICT (host) DO UPDATE").
		Set("due_at = CASE WHEN host.due_at IS NULL OR (host.failures = 0 AND host.due_at > EXCLUDED.due_at)" +
			" THEN EXCLUDED.due_at ELSE host.due_at END").Exec(ctx)
	return err
}

// SetHostScheme remembers the signature scheme that a server took.
func (tx Tx) SetHostScheme(ctx context.Context, host string, scheme int) error {
	_, err := tx.db.NewInsert().Model(&Host{Host: host, Scheme: scheme}).
		On("CONFLICT (host) DO UPDATE").Set("scheme = EXCLUDED.scheme").Exec(ctx)
	return err
}

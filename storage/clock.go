package storage

import "context"

// What a clock that was wrong leaves behind.

// Latest returns the latest moment that something was written down at; zero when nothing was.
func (q Queries) Latest(ctx context.Context) (Time, error) {
	var latest Time
	for _, column := range []struct{ table, at string }{
		{"inbound", "received_at"}, {"acts", "created_at"}, {"disclosures", "at"}, {"posts", "created_at"},
	} {
		var at Time
		err := found(q.db.NewSelect().Table(column.table).Column(column.at).Order("id DESC").Limit(1).Scan(ctx, &at))
		if err != nil && err != ErrNotFound {
			return Time{}, err
		}
		if at.After(latest.Time) {
			latest = at
		}
	}
	return latest, nil
}

// EndWaits makes due now what waits for longer than anything is made to, or since a moment that is yet to come: the clock was
// ahead when its wait began. Activities and kept calls wait until retry at most, servers that fail until ask, an activity
// that was not tried yet not at all. What was not released yet goes on waiting, whatever the clock says. It returns how many
// waits it ended.
func (tx Tx) EndWaits(ctx context.Context, now, retry, ask Time) (n int64, err error) {
	for _, set := range []struct {
		row       any
		to, where string
		args      []any
	}{
		{(*Inbound)(nil), "", "due_at > ? OR (due_at > ? AND attempts = 0)", []any{retry, now}},
		{(*Call)(nil), "", "due_at > ?", []any{retry}},
		{(*Host)(nil), "failing_since = ?", "failures > 0 AND (due_at > ? OR due_at > ? AND failing_since > ?)", []any{ask, now, now}},
	} {
		q := tx.db.NewUpdate().Model(set.row).Set("due_at = ?", now).Where(set.where, set.args...)
		if set.to != "" {
			q = q.Set(set.to, now)
		}
		res, err := q.Exec(ctx)
		if err != nil {
			return n, err
		}
		ended, err := res.RowsAffected()
		if err != nil {
			return n, err
		}
		n += ended
	}
	return n, nil
}

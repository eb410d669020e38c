package hardening_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

func TestRetryAfter(t *testing.T) {
	start := time.Now()
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	const day = 24 * time.Hour
	for _, c := range []struct {
		header string
		want   time.Duration
	}{
		{"", 0}, {"0", 0}, {"120", 2 * time.Minute}, {"86400", day}, {"86401", day}, {"99999999999999999999", day},
		{"-5", 0}, {"+5", 0}, {"1.5", 0}, {"soon", 0}, {"0x10", 0}, {"5 ", 5 * time.Second},
		{date(time.Hour), time.Hour}, {date(-time.Hour), 0}, {date(100 * day), day},
	} {
		w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				rw.Header().Set("Retry-After", c.header)
			}
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		got, err := w.Deliver(t.Context(), delivery(inbox))
		if err != nil || got.Status != http.StatusTooManyRequests || (got.RetryAfter-c.want).Abs() > 2*time.Second+time.Since(start) {
			t.Errorf("%q: %+v, %v", c.header, got, err)
		}
	}
}

func TestTemporary(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{egress.ErrRefused, false}, {egress.ErrTooLarge, false},
		{hardening.ErrWithheld, false}, {hardening.ErrHidden, false}, {hardening.ErrBudget, false},
		{redact.ErrBelowFloor, false}, {&redact.FloorError{}, false}, {redact.ErrUnknownKind, false}, {redact.ErrNotJSON, false},
		{hardening.ErrUnreleased, true}, {egress.ErrNoRelay, true}, {egress.ErrClosed, true}, {&egress.Error{}, true},
		{context.Canceled, true}, {context.DeadlineExceeded, true}, {errors.New("another"), true},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			if c.err != nil && hardening.Temporary(err) != c.want {
				t.Errorf("%v: %v", err, !c.want)
			}
		}
	}
	if hardening.Temporary(nil) {
		t.Error("no error is temporary")
	}
}

package config

import (
	"fmt"
	"time"

	"github.com/dunnock-server/dunnock/federation/retention"
)

// Retention says how long things are kept, as [ParseDuration] reads it. What is empty is the node's default.
type Retention struct {
	// Posts is for posts of others that the owner has not touched: a day to ten years.
	Posts string `toml:"posts"`
	// Notifications is for notifications, and the posts that they are about: likewise.
	Notifications string `toml:"notifications"`
	// Ledger is for the record of what was disclosed to whom: likewise.
	Ledger string `toml:"ledger"`
}

const (
	shortest = 24 * time.Hour
	longest  = 3650 * 24 * time.Hour
)

// keep is the retention as the node takes it. It must have been checked.
func (r Retention) keep() (keep retention.Keep, err error) {
	for _, k := range []struct {
		text string
		into *time.Duration
	}{{r.Posts, &keep.Posts}, {r.Notifications, &keep.Notifications}, {r.Ledger, &keep.Ledger}} {
		if k.text == "" {
			continue
		}
		if *k.into, err = ParseDuration(k.text); err != nil {
			return retention.Keep{}, fmt.Errorf("retention: %w", err)
		}
	}
	return keep, nil
}

func (k *checker) retention() {
	for _, r := range []struct{ key, text, example string }{
		{"posts", k.Retention.Posts, "30d"}, {"notifications", k.Retention.Notifications, "90d"}, {"ledger", k.Retention.Ledger, "30d"},
	} {
		key := "retention." + r.key
		if !k.has(key) {
			continue
		}
		if d, err := ParseDuration(r.text); err != nil || d < shortest || d > longest {
			k.fault(key, missingOr(r.text, "not a time from one day to ten years"),
				fmt.Sprintf("write a number and d or w: %s = %q; or remove it, for the default", r.key, r.example))
		}
	}
}

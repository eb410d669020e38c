// Package metrics writes how a node is in the text exposition format of Prometheus (version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/). It is pure: a [Snapshot] in, text out.
//
// An observer who has such texts over weeks learns when the owner acts: what waits to leave and what has left moves with it. So
// what moves is in [Counts], which are to be counted once an hour and no more often. No server, account or URL has a place in a
// Snapshot; the only words that are not ours are the names that the owner gave to relays and ways in.
//
// All names begin with dunnock_, those of the process too: where the text is one file of several that a collector joins, the
// collector has a go_goroutines of its own, and refuses both.
package metrics

import "time"

// Snapshot is how a node is. The zero Snapshot is that of one that does not run, of which nothing else is said.
type Snapshot struct {
	// Started is when it began to run, with the configuration that it has; what it counts begins then.
	Started time.Time `json:"started,omitzero"`
	Relays  []Relay   `json:"relays,omitempty"`
	Ingress []WayIn   `json:"ingress,omitempty"`
	// Certificate is until when the certificate is good; zero: there is none.
	Certificate time.Time `json:"certificate,omitzero"`
	// Counts are those of this hour.
	Counts Counts `json:"counts,omitzero"`
}

// Relay is a way out.
type Relay struct {
	Name string `json:"name"` // the owner's
	Kind string `json:"kind"`
	Up   bool   `json:"up"`
	// Since is when it came up or went down; zero: it has no link, or was not tried.
	Since time.Time `json:"since,omitzero"`
	// Reconnects is how often its link came back after it was lost.
	Reconnects int `json:"reconnects"`
}

// WayIn is a way in.
type WayIn struct {
	Name string `json:"name"` // the owner's, or ours
	// Up says that it was seen from outside, and has not been lost since.
	Up bool `json:"up"`
	// Since is when it came up or went down, and Seen when it was last seen from outside; zero: never.
	Since time.Time `json:"since,omitzero"`
	Seen  time.Time `json:"seen,omitzero"`
}

// Counts are what moves when the owner acts.
type Counts struct {
	// At is when they were counted.
	At time.Time `json:"at"`
	// Waiting are deliveries that are not released yet, Due those that are and have not arrived, GivenUp those that never will.
	Waiting int64 `json:"waiting"`
	Due     int64 `json:"due"`
	GivenUp int64 `json:"given_up"`
	// Oldest is since when the oldest of Due is that, to be rounded down to the hour; zero: there is none.
	Oldest time.Time `json:"oldest,omitzero"`
	// Attempts are those to deliver since Started.
	Attempts Attempts `json:"attempts"`
	// Inbound are activities that came and wait to be worked on, Calls what the owner asked for and other servers are needed for.
	Inbound int64 `json:"inbound"`
	Calls   int64 `json:"calls"`
	// Ledger is the rows of the ledger, Database the bytes of the database.
	Ledger   int64 `json:"ledger"`
	Database int64 `json:"database"`
	// Goroutines and Heap, in bytes of objects, are those of the process.
	Goroutines uint64 `json:"goroutines"`
	Heap       uint64 `json:"heap"`
}

// Attempts are attempts to deliver, by what became of them.
type Attempts struct {
	Arrived  uint64 `json:"arrived"`
	Withheld uint64 `json:"withheld"` // the policy keeps it here
	Hopeless uint64 `json:"hopeless"` // it will never be taken
	Failed   uint64 `json:"failed"`   // to be tried again
	Held     uint64 `json:"held"`     // nothing left, for a reason of our own: a relay is down
}

// Text is a Snapshot for people's collectors.
func (s Snapshot) Text() string {
	var t text
	t.family("up", gauge, "Whether the node runs.", yes(!s.Started.IsZero()))
	if s.Started.IsZero() {
		return t.String()
	}
	t.family("start_time_seconds", gauge, "When the node started, or read its configuration anew.", at(s.Started)...)
	s.ways(&t)
	t.family("certificate_expiry_time_seconds", gauge, "Until when the certificate is good.", at(s.Certificate)...)
	s.Counts.text(&t)
	return t.String()
}

// ways writes what is known of the ways out and in.
func (s Snapshot) ways(t *text) {
	var up, since, reconnects []sample
	for _, r := range s.Relays {
		named := label{"relay", r.Name}
		up = append(up, yes(r.Up).with(named, label{"kind", r.Kind}))
		for _, moment := range at(r.Since) {
			since = append(since, moment.with(named))
		}
		reconnects = append(reconnects, number(r.Reconnects).with(named))
	}
	t.family("relay_up", gauge, "Whether a relay can be reached, or was not tried yet.", up...)
	t.family("relay_changed_time_seconds", gauge, "When a relay came up, or went down.", since...)
	t.family("relay_reconnects_total", counter, "How often a relay came back after it was lost.", reconnects...)
	up, since = nil, nil
	var seen []sample
	for _, w := range s.Ingress {
		named := label{"ingress", w.Name}
		up = append(up, yes(w.Up).with(named))
		for _, moment := range at(w.Since) {
			since = append(since, moment.with(named))
		}
		for _, moment := range at(w.Seen) {
			seen = append(seen, moment.with(named))
		}
	}
	t.family("ingress_up", gauge, "Whether the node has seen itself from outside by a way in.", up...)
	t.family("ingress_changed_time_seconds", gauge, "When a way in came up, or went down.", since...)
	t.family("ingress_seen_time_seconds", gauge, "When the node last saw itself from outside.", seen...)
}

func (c Counts) text(t *text) {
	if c.At.IsZero() {
		return
	}
	t.family("counted_time_seconds", gauge, "When all of the following was counted: once an hour.", at(c.At)...)
	state := func(n int64, name string) sample { return number(n).with(label{"state", name}) }
	t.family("deliveries", gauge, "Deliveries: not released yet, due and not arrived, given up.",
		state(c.Waiting, "waiting"), state(c.Due, "due"), state(c.GivenUp, "given_up"))
	t.family("oldest_due_time_seconds", gauge, "The hour since which the oldest delivery is due.", at(c.Oldest)...)
	outcome := func(n uint64, name string) sample { return number(n).with(label{"outcome", name}) }
	t.family("delivery_attempts_total", counter, "Attempts to deliver, by what became of them.",
		outcome(c.Attempts.Arrived, "arrived"), outcome(c.Attempts.Withheld, "withheld"), outcome(c.Attempts.Hopeless, "hopeless"),
		outcome(c.Attempts.Failed, "failed"), outcome(c.Attempts.Held, "held"))
	t.family("inbound_waiting", gauge, "Activities that came and wait to be worked on.", number(c.Inbound))
	t.family("calls_waiting", gauge, "What the owner asked for and needs other servers.", number(c.Calls))
	t.family("ledger_rows", gauge, "Rows of the ledger.", number(c.Ledger))
	t.family("database_bytes", gauge, "Size of the database's files.", number(c.Database))
	t.family("goroutines", gauge, "Goroutines of the process.", number(c.Goroutines))
	t.family("heap_bytes", gauge, "Objects on the heap of the process.", number(c.Heap))
}

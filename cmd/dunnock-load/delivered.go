package main

import "github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"

// outgoing is what came twice.
type outgoing struct {
	// repeated came again under the same id after the node was killed, since its answer may have been cut off: receivers
	// know it by the id.
	repeated int
	// doubled came again without that excuse: the same id while the node lived, or another id for the same act.
	doubled int
}

// delivered counts what came twice.
func delivered(arrivals []fleet.Arrival) (o outgoing) {
	type act struct{ host, kind, object string }
	type copy struct{ host, id string }
	ids, lives := map[act]string{}, map[copy]int{}
	for _, a := range arrivals {
		last, again := lives[copy{a.Host, a.ID}]
		switch {
		case again && last == a.Life:
			o.doubled++
		case again:
			o.repeated++
		case ids[act{a.Host, a.Type, a.Object}] != "":
			o.doubled++
		}
		ids[act{a.Host, a.Type, a.Object}], lives[copy{a.Host, a.ID}] = a.ID, a.Life
	}
	return o
}

// missed counts acts about objects that some server of those that should have got it has not got.
func missed(arrivals []fleet.Arrival, kind string, objects []string, to []*fleet.Actor) (n int) {
	type there struct{ host, object string }
	got := map[there]bool{}
	for _, a := range arrivals {
		if a.Type == kind {
			got[there{a.Host, a.Object}] = true
		}
	}
	for _, object := range objects {
		for _, a := range to {
			if !got[there{a.Host, object}] {
				n++
			}
		}
	}
	return n
}

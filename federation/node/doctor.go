package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// examine finds out what the owner should know: which relays and ways in are up, what can be inferred from how they are used,
// and whether somebody else could have a certificate issued. It asks the resolver for the CAA records of the node's names, and
// nobody else for anything.
func (n *Node) examine(ctx context.Context, gate *hardening.Gate) (found []egress.Check) {
	ways := n.egress.Ways()
	if len(ways) == 0 {
		found = append(found, egress.Check{What: "relays", Found: "there are none: nothing leaves"})
	}
	for _, w := range ways {
		c := egress.Check{What: "relay " + w.Name, OK: true, Found: "up"}
		switch {
		case w.Kind == egress.KindDirect:
			c.OK, c.Found = false, "every server that it reaches sees the address of this machine"
		case w.Down:
			c.OK, c.Found = false, "down: "+w.Reason
		case w.Since.IsZero():
			c.Found = "not needed yet"
		}
		found = append(found, c)
	}
	if c, ok := apart(ways, n.config.enters(), n.config.Host); ok {
		found = append(found, c)
	}
	for _, s := range n.Ingress() {
		c := egress.Check{What: "way in " + s.Name, OK: s.Up, Found: "seen from outside"}
		if !s.Up {
			c.Found = s.Reason
		}
		found = append(found, c)
	}
	return append(found, n.bound(ctx, gate)...)
}

// apart says whether what is not signed leaves by other addresses than those where visitors come: who is asked for a picture would
// else see that it is the node at host who asks. It never leaves by a relay of enters where the pool, or the route, has another.
func apart(ways []egress.Way, enters []string, host string) (egress.Check, bool) {
	if len(enters) == 0 {
		return egress.Check{}, false
	}
	others := map[string]bool{"everything else": false} // by what is carried: whether another relay carries it too
	for _, w := range ways {
		carries := w.Routes
		if w.Pool {
			carries = append(slices.Clone(carries), "everything else")
		}
		for _, what := range carries {
			others[what] = others[what] || !slices.Contains(enters, w.Name)
		}
	}
	var alone []string
	for what, other := range others {
		if !other {
			alone = append(alone, what)
		}
	}
	slices.Sort(alone)
	if len(alone) > 0 {
		return egress.Check{What: "exits", Found: "what is not signed leaves from the address where visitors come, for " + strings.Join(alone, ", ") +
			": who is asked for a picture, or for a name, can tell that " + host + " asks; add another relay there in [egress]"}, true
	}
	return egress.Check{What: "exits", OK: true, Found: "what is not signed leaves by other relays than " + strings.Join(enters, ", ") + ", where visitors come"}, true
}

// bound says for each name of the certificate who may be issued another.
func (n *Node) bound(ctx context.Context, gate *hardening.Gate) (found []egress.Check) {
	if n.certs == nil {
		return nil
	}
	state := n.certs.State()
	c := egress.Check{What: "certificate", OK: !state.Until.IsZero() && state.Reason == "", Found: state.Reason}
	switch {
	case c.OK:
		c.Found = "good until " + state.Until.UTC().Format("2006-01-02")
	case c.Found == "":
		c.Found = "there is none yet"
	}
	found = append(found, c)
	for _, name := range n.certs.Names() {
		c := egress.Check{What: "CAA " + name}
		records, err := gate.CAA(ctx, name)
		switch {
		case errors.Is(err, egress.ErrNoRelay):
			c.Found = "could not be looked up: there is no way out for it"
		case err != nil:
			c.Found = "could not be looked up"
		default:
			c.OK, c.Found = n.certs.Binding(records)
			if c.OK {
				c.Found = "only this node's account may be issued a certificate"
			} else if state.CAA != "" {
				c.Found += fmt.Sprintf("; whoever holds its address can have one issued: add the record  %s. %s", name, state.CAA)
			}
		}
		found = append(found, c)
	}
	return found
}

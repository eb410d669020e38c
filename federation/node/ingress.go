package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

// Ingress is a way in. Each has limits of its own: who floods one does not keep others from coming by another.
type Ingress struct {
	// Name is the owner's name for it, in the log and in [Node.Ingress].
	Name string
	// Listener is where visitors arrive. Nil: what Limits.Address says is listened on.
	Listener net.Listener
	// Limits are what holds there. With a Probe, which the node runs, the way in is up once it was seen from outside; without
	// one it never is, whoever may come by it.
	Limits ingress.Config
	// Relay is the one whose port it is, if it is one's: what is not signed leaves by others, where there are any.
	Relay string
	// TLS ends here, with a certificate that the node has issued for itself. Link must say when visitors can arrive.
	TLS bool
	// Service makes the onion service that leads here, from a key that the node keeps: its name, its state and what keeps it up
	// then stand for Onion, Link and Run. Nil: these are as they are.
	Service func(key []byte) (OnionService, error)
	// LookBy names the relay by which the node looks at the way in from outside, if Limits has no Probe: not the one that holds it.
	// What others see of that is said at [ingress.Probe]. Empty: nobody looks.
	LookBy string
	// Onion is the name of the onion service that leads here, with ".onion", on its port 80: the only name that is answered then.
	// Its visitors are strangers (see [ingress.Strangers]). They are shown the same documents as everybody, whose ids are those of
	// the domain, so whoever knows one name of the node can find the other: the service hides where visitors are, and the machine,
	// and not that both are one. Pages on the clear web name the first such service in their Onion-Location.
	Onion string
	// Link is what is known of it from inside: a relay's port, a tor daemon. Nil: it is up as long as the node is.
	Link func() egress.State
	// Run keeps it up until its context ends, and returns nil then. Nil: nothing is to be done.
	Run func(context.Context) error
}

// Owner is what the owner alone uses from elsewhere: client API, sign-in, console. The zero Owner serves none of it.
type Owner struct {
	// Ingress is the owner's own listener. It answers what the world is answered as well, so that one name will do for the
	// owner's devices. None if it has neither Listener nor Limits.Address.
	Ingress
	// Hosts are names, or literal addresses, that the listener answers to besides the node's own and Onion: no others, so that
	// no page elsewhere can have its name lead here. A port does not matter.
	Hosts []string
	// UnsafePublic serves it on all other listeners too: whoever can reach the node can then try passwords, and sees that the
	// owner's devices come to the same address as the world.
	UnsafePublic bool
	// Surfaces makes the handlers of it, by pattern of [http.ServeMux]. Nil: there are none.
	Surfaces func(*federation.Service) map[string]http.Handler
}

// door is an Ingress with what is behind it.
type door struct {
	Ingress
	owner  bool
	server *ingress.Server
}

// watched gives a way in a look from outside, if somebody is to look.
func (n *Node) watched(gate *hardening.Gate, w *Ingress) (err error) {
	if w.LookBy == "" || w.Limits.Probe != nil || n.config.Offline {
		return nil
	}
	c := ingress.ProbeConfig{Link: w.Link, Dial: gate.Look(w.LookBy, w.Onion)}
	switch host, port, err := net.SplitHostPort(n.config.Host); {
	case w.Onion != "":
		c.Address, c.Plain = net.JoinHostPort(w.Onion, "80"), true
	case err == nil: // a trial
		c.Address, c.Plain = net.JoinHostPort(host, port), n.config.UnsafeHTTP && !w.TLS
	case n.config.UnsafeHTTP:
		c.Address, c.Plain = net.JoinHostPort(n.config.Host, "80"), true
	default:
		c.Address = net.JoinHostPort(n.config.Host, "443")
	}
	if w.TLS {
		c.Key = n.certs.IsOurs
	}
	w.Limits.Probe, err = ingress.NewProbe(c)
	return err
}

// makeDoors makes all ways in, the owner's last.
func (n *Node) makeDoors(gate *hardening.Gate) (doors []*door, err error) {
	c, ids := n.config, n.config.ids()
	ways := slices.Clone(c.Ingress)
	if c.Listener != nil || c.Listen.Address != "" || len(ways) == 0 {
		ways = slices.Insert(ways, 0, Ingress{Name: "listen", Listener: c.Listener, Limits: c.Listen, LookBy: c.LookBy})
	}
	for _, w := range ways {
		h := n.handler()
		if w.TLS {
			w.Limits.TLS = n.certs.TLSConfig()
		}
		if w.Onion != "" {
			h = onlyFor(ids, nil, []string{w.Onion}, n.public)
		}
		if err := n.watched(gate, &w); err != nil {
			return nil, err
		}
		doors = append(doors, n.makeDoor(w, h))
	}
	if own := c.Owner.Ingress; own.Listener != nil || own.Limits.Address != "" {
		if err := n.watched(gate, &own); err != nil {
			return nil, err
		}
		d := n.makeDoor(own, n.OwnerHandler())
		d.owner = true
		doors = append(doors, d)
	}
	return doors, nil
}

func (n *Node) makeDoor(w Ingress, h http.Handler) *door {
	return &door{Ingress: w, server: ingress.NewServer(h, w.Limits, n.config.Log.With(slog.String("ingress", w.Name)))}
}

// handler is what the clear web is shown.
func (n *Node) handler() http.Handler {
	ids, h := n.config.ids(), n.public
	if i := slices.IndexFunc(n.config.Ingress, func(w Ingress) bool { return w.Onion != "" }); i >= 0 {
		h = onionLocation(n.config.Ingress[i].Onion, h)
	}
	return onlyFor(ids, []string{ids.Host, ids.Domain}, nil, h)
}

// OwnerHandler is what the owner's own listener shows: what the world is shown, and the surfaces of Owner.
func (n *Node) OwnerHandler() http.Handler {
	c, ids := n.config, n.config.ids()
	return onlyFor(ids, []string{ids.Host, ids.Domain}, append(slices.Clone(c.Owner.Hosts), c.Owner.Onion), n.own)
}

// onlyFor answers only requests for names of ours: an observer who scans addresses learns nothing from it. hosts have the port
// of the node's scheme or their own; of names the port does not matter.
func onlyFor(ids wire.IDs, hosts, names []string, next http.Handler) http.Handler {
	var bare []string
	for _, name := range names {
		if o, err := hostname.OriginOf("http://" + name); err == nil {
			bare = append(bare, o.Host)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		url := ids.Scheme + "://" + r.Host
		origin, err := hostname.OriginOf(url)
		host, _ := hostname.HostOf(url) // fails if that did
		if err != nil || !slices.Contains(hosts, host) && !slices.Contains(bare, origin.Host) {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Ingress returns the ways in, in the order of the configuration, the owner's last. It asks nobody.
func (n *Node) Ingress() []control.WayIn {
	states := make([]control.WayIn, len(n.doors))
	for i, d := range n.doors {
		states[i] = control.WayIn{Name: d.Name, Onion: d.Onion, Owner: d.owner, State: d.state(), Strangers: d.server.Strangers()}
	}
	return states
}

func (d *door) state() ingress.State {
	if p := d.Limits.Probe; p != nil {
		return p.State()
	}
	s := ingress.State{Reason: "nobody looks from outside"}
	if d.Link != nil {
		if link := d.Link(); link.Down {
			s.Since, s.Reason, s.Next = link.Since, link.Reason, link.Next
		}
	}
	return s
}

// openDoors listens everywhere, or nowhere.
func openDoors(doors []*door) (err error) {
	for _, d := range doors {
		if d.Listener == nil && err == nil {
			d.Listener, err = ingress.Listen(d.Limits)
		}
	}
	if err != nil {
		return errors.Join(err, closeDoors(doors))
	}
	for _, d := range doors {
		if d.Onion != "" {
			d.Listener = ingress.Strangers(d.Listener)
		}
	}
	return nil
}

func closeDoors(doors []*door) error {
	var errs []error
	for _, d := range doors {
		if d.Listener != nil {
			errs = append(errs, d.Listener.Close())
		}
	}
	return errors.Join(errs...)
}

// serve serves a way in, and keeps it up, until ctx ends.
func (d *door) serve(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error { return d.server.Serve(ctx, d.Listener) })
	if d.Run != nil {
		group.Go(func() error { return d.Run(ctx) })
	}
	if p := d.Limits.Probe; p != nil {
		group.Go(func() error { return p.Run(ctx) })
	}
}

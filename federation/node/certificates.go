package node

import (
	"context"
	"errors"
	"slices"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/ingress/certs"
	"github.com/dunnock-server/dunnock/storage"
)

// certificates is who has them issued, where TLS ends here; else nil. The authority is asked through the gate, and not before a
// visitor could arrive: a failure counts there.
func (n *Node) certificates(gate *hardening.Gate) (*certs.Manager, error) {
	c := n.config
	if !slices.ContainsFunc(c.Ingress, func(w Ingress) bool { return w.TLS }) {
		return nil, nil
	}
	names := []string{c.Host}
	if c.Domain != c.Host {
		names = append(names, c.Domain)
	}
	for _, name := range names {
		if _, err := hostname.Canonical(name, false); err != nil {
			return nil, errors.New("no certificate is issued for a domain with a port")
		}
	}
	return certs.New(certs.Config{Names: names, Directory: c.ACME, Transport: gate.Transport(egress.Certificate), Store: settings{n.db}, Log: c.Log,
		Ready: func() bool {
			return slices.ContainsFunc(c.Ingress, func(w Ingress) bool { return w.TLS && w.Link != nil && !w.Link().Down })
		}})
}

// enters are the relays that the node is reached by.
func (c Config) enters() (names []string) {
	for _, w := range c.Ingress {
		if w.Relay != "" && !c.Offline && !slices.Contains(names, w.Relay) {
			names = append(names, w.Relay)
		}
	}
	return names
}

// Certificate is what is known of the certificate; false where TLS ends elsewhere.
func (n *Node) Certificate() (certs.State, bool) {
	if n.certs == nil {
		return certs.State{}, false
	}
	return n.certs.State(), true
}

// entrances is what the owner is told of the ways in.
func (n *Node) entrances() control.Ingress {
	r := control.Ingress{Ingress: n.Ingress()}
	if s, ok := n.Certificate(); ok {
		r.Certificate = &s
	}
	return r
}

// settings is a [certs.Store] in the database.
type settings struct{ db *storage.DB }

func (s settings) Get(ctx context.Context, name string) ([]byte, error) {
	text, err := s.db.Setting(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return []byte(text), err
}

func (s settings) Put(ctx context.Context, name string, value []byte) error {
	return s.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.SetSetting(ctx, name, string(value)) })
}

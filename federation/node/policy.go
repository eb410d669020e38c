package node

import (
	"cmp"
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/documents"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
)

func (n *Node) documents(gate *hardening.Gate, ids wire.IDs) documents.Config {
	return documents.Config{DB: n.db, Gate: gate, IDs: ids, Resolver: n.resolver, Open: n.files.Open, Log: n.config.Log}
}

// preview is what domains would get, for the owner.
func (n *Node) preview(gate *hardening.Gate, ids wire.IDs) func(context.Context, string, string) (control.Preview, error) {
	return func(ctx context.Context, domain, url string) (control.Preview, error) {
		seen, err := documents.Preview(ctx, n.documents(gate, ids), domain, cmp.Or(url, ids.Owner()))
		if errors.Is(err, hardening.ErrUnreleased) {
			err = &federation.Error{Kind: federation.Conflict, Message: "it has not been released yet: it exists for nobody"}
		}
		p := control.Preview{Document: string(seen.Body), Withheld: []control.Withheld{}}
		for _, f := range seen.Withheld {
			p.Withheld = append(p.Withheld, control.Withheld{Field: f.Name, Reveals: f.Reveals})
		}
		return p, federation.Explain(err, "what is under this URL, for that domain,")
	}
}

// reread has a gate follow the policy as it is kept.
func reread(gate *hardening.Gate, read func() (hardening.Policy, error)) func() error {
	if read == nil {
		return nil
	}
	return func() error {
		policy, err := read()
		if err != nil {
			return &federation.Error{Kind: federation.Invalid, Message: "the policy cannot be read, and stays as it was: " + err.Error()}
		}
		gate.SetPolicy(policy)
		return nil
	}
}

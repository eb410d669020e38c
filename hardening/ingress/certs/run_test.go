package certs

import (
	"context"
	"errors"
	"net/http"
	"testing"
)

// shelf is a store that answers as a database does: not after its context has ended.
type shelf struct{ err error }

func (s shelf) Get(ctx context.Context, _ string) ([]byte, error) {
	return nil, errors.Join(s.err, ctx.Err())
}
func (s shelf) Put(ctx context.Context, _ string, _ []byte) error {
	return errors.Join(s.err, ctx.Err())
}

// A node that ends as soon as it has begun ends in order; one whose store cannot be read does not run.
func TestRunEnds(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	broken := errors.New("broken")
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		want error
	}{{ended, nil, nil}, {ended, broken, nil}, {t.Context(), broken, broken}} {
		m, err := New(Config{Names: []string{"home.example"}, Transport: http.NewFileTransport(nil), Store: shelf{tt.err}})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Run(tt.ctx); !errors.Is(err, tt.want) {
			t.Errorf("%v: %v", tt.err, err)
		}
	}
}

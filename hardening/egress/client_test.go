package egress

import (
	"errors"
	"io"
	"net/http"
	"testing"
)

func TestDo(t *testing.T) {
	m := handler(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			w.Write(append([]byte("got "), body...))
			return
		}
		io.WriteString(w, "hello")
	})
	c := client(t, Config{Relays: []Relay{m}})
	res, err := c.Do(t.Context(), get(t, "http://a.example/x?y=z"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != 200 || string(res.Body) != "hello" || res.Exit != "memory" || res.SentBytes == 0 || res.ReceivedBytes == 0 {
		t.Errorf("%+v", res)
	}
	post := get(t, "http://a.example/inbox")
	post.Method, post.Body = http.MethodPost, []byte("body")
	if res, err = c.Do(t.Context(), post); err != nil || res.Status != 202 || string(res.Body) != "got body" {
		t.Errorf("%+v, %v", res, err)
	}
	if n := m.dials.Load(); n != 1 {
		t.Errorf("%d dials for two requests of one circuit", n)
	}
}

func TestNoRelay(t *testing.T) {
	c := client(t, Config{})
	if _, err := c.Do(t.Context(), get(t, "http://a.example/")); !errors.Is(err, ErrNoRelay) {
		t.Error(err)
	}
	if _, err := c.Exit("a.example", Federation); !errors.Is(err, ErrNoRelay) {
		t.Error(err)
	}
}

package volley

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

const host = "127.0.0.1:8080"

// received reads a rendered request as a server does.
func received(t *testing.T, raw []byte) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

func TestSigned(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := httpsig.Key{ID: "http://127.16.0.1:1/users/u#main-key", Private: private}
	post, err := Post("http://"+host+"/users/owner/inbox", []byte(`{"type":"Create"}`), key)
	if err != nil {
		t.Fatal(err)
	}
	get, err := Get("http://"+host+"/users/owner?page=1", key, time.Now().Add(-30*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{post, get} {
		r, body := received(t, raw)
		s, err := httpsig.Parse(r, body, httpsig.Options{Hosts: []string{host}, Scheme: "http", Now: time.Now()})
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		if err := s.Verify(private.Public()); err != nil || s.KeyID != key.ID {
			t.Errorf("%v, %s\n%s", err, s.KeyID, raw)
		}
	}
}

// What is forged is in order but for its signature: otherwise a flood of it would be turned away before it costs anything.
func TestForged(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := NewForger(host, 1)
	raw := f.Post(nil, "/users/owner/inbox", "http://127.16.0.1:1/users/u#main-key", `{"type":"Create"}`)
	n := len(raw)
	raw = f.Post(raw, "/users/owner/inbox", "http://127.16.0.1:1/users/u#main-key", `{"type":"Create"}`)
	if bytes.Equal(raw[:n], raw[n:]) {
		t.Error("two forged requests have one signature")
	}
	r, body := received(t, raw[:n])
	s, err := httpsig.Parse(r, body, httpsig.Options{Hosts: []string{host}, Scheme: "http", Now: time.Now()})
	if err != nil {
		t.Fatalf("%v\n%s", err, raw[:n])
	}
	if s.Verify(private.Public()) == nil {
		t.Error("the signature fits")
	}
	var all []byte
	for i := range junk {
		all = f.Junk(all, i)
	}
	for r := bufio.NewReader(bytes.NewReader(all)); ; {
		if _, err := r.Peek(1); err == io.EOF {
			break
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("junk does not end where it says: %v", err)
		}
		io.Copy(io.Discard, req.Body)
	}
}

// Large activities are as large as they may be, and what they say they are.
func TestLarge(t *testing.T) {
	const actor = "http://127.16.0.1:1/users/u"
	for n := range fillers {
		body := Large(actor, n)
		var said struct{ Actor, Type string }
		if err := json.Unmarshal([]byte(body), &said); err != nil || said.Actor != actor || said.Type != "Create" {
			t.Errorf("%d says %+v, %v", n, said, err)
		}
		if len(body) > maxBody || len(body) < maxBody*9/10 {
			t.Errorf("%d has %d bytes", n, len(body))
		}
		r, got := received(t, NewForger(host, 1).Unsigned(nil, "/inbox", body))
		if string(got) != body || r.Header.Get("Signature") != "" {
			t.Errorf("%d arrives with %d bytes, signed %q", n, len(got), r.Header.Get("Signature"))
		}
	}
}

func TestAnswers(t *testing.T) {
	for answer, want := range map[string]struct {
		Answer
		closing, broken bool
	}{
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n":                                      {Answer: Answer{202, 0}},
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":                                       {Answer: Answer{200, 5}},
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\nyo\r\n0\r\n\r\n": {Answer: Answer{200, 7}},
		"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n":                {Answer: Answer{413, 0}, closing: true},
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello":                                      {broken: true},
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n":            {broken: true},
		"SSH-2.0-OpenSSH\r\n": {broken: true},
		"":                    {broken: true},
	} {
		client, server := net.Pipe()
		go func() {
			server.Read(make([]byte, 100))
			io.WriteString(server, answer)
			server.Close()
		}()
		c := newConn(client)
		got, err := c.Exchange([]byte("GET / HTTP/1.1\r\n\r\n"))
		if got != want.Answer || errors.Is(err, errClosing) != want.closing || (err != nil) != (want.closing || want.broken) {
			t.Errorf("%q: %+v, %v", answer, got, err)
		}
		c.Close()
	}
}

func TestSend(t *testing.T) {
	from := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from <- r.RemoteAddr
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	requests := make([][]byte, 10)
	for i := range requests {
		path := map[bool]string{true: "/no", false: "/yes"}[i == 7]
		req, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		requests[i] = Raw(req, nil)
	}
	answers, err := (Target{Address: address, From: "127.0.0.9"}).Send(t.Context(), 3, requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if a.OK() == (i == 7) || a.Status == 0 {
			t.Errorf("answer %d: %+v", i, a)
		}
	}
	clients := map[string]bool{}
	for range requests {
		clients[<-from] = true
	}
	for client := range clients {
		if !strings.HasPrefix(client, "127.0.0.9:") || len(clients) != 3 {
			t.Errorf("%d connections, one from %s", len(clients), client)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Target{Address: address}).Send(ctx, 3, requests); err == nil {
		t.Error("sent after the end")
	}
}

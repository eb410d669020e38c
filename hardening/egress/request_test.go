package egress

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// recorder is a relay whose peer answers every request with 204 and keeps what came, to the byte.
func recorder() (*memory, *bytes.Buffer) {
	var sent bytes.Buffer
	return &memory{name: "memory", kind: "memory", serve: func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, 64<<10)
		var got []byte
		for !bytes.HasSuffix(got, []byte("\r\n\r\n")) && !bytes.HasSuffix(got, []byte("{}")) {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			got = append(got, buf[:n]...)
		}
		sent.Write(got)
		io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	}}, &sent
}

// These are all the bytes there are.
func TestWireGet(t *testing.T) {
	m, sent := recorder()
	c := client(t, Config{Relays: []Relay{m}})
	req := get(t, "http://A.example:80/users/x?y=z#f")
	req.Header = http.Header{
		"Accept": {"application/activity+json"},
		// What nobody listed stays at home.
		"Cookie": {"a=b"}, "Referer": {"http://home.example/"}, "Accept-Language": {"nl"}, "Authorization": {"Bearer x"},
		"If-None-Match": {`"tag"`}, "User-Agent": {"other/1.2.3"}, "X-Forwarded-For": {"198.18.77.66"}, "Host": {"b.example"},
		"Accept-Encoding": {"br"}, "Connection": {"keep-alive, x"}, "Expect": {"100-continue"}, "Range": {"bytes=0-1"},
	}
	if _, err := c.Do(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	const want = "GET /users/x?y=z HTTP/1.1\r\nHost: a.example\r\nUser-Agent: dunnock\r\n" +
		"Accept: application/activity+json\r\nAccept-Encoding: gzip\r\n\r\n"
	if sent.String() != want {
		t.Errorf("sent\n%s", sent)
	}
	if m.targets[0] != "a.example:80" {
		t.Errorf("dialled %q", m.targets)
	}
}

func TestWirePost(t *testing.T) {
	m, sent := recorder()
	c := client(t, Config{Relays: []Relay{m}, UserAgent: "bird"})
	req := get(t, "http://a.example:8080/inbox")
	req.Method, req.Body, req.Purpose = http.MethodPost, []byte("{}"), Federation
	req.Header = http.Header{"Content-Type": {"application/activity+json"}}
	req.Prepare = func(r *http.Request) error {
		body, _ := io.ReadAll(r.Body) // a signer may
		if r.Method != "POST" || r.URL.String() != "http://a.example:8080/inbox" || r.Host != "a.example:8080" || string(body) != "{}" ||
			r.Header.Get("User-Agent") != "bird" || r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("to sign: %+v", r)
		}
		r.Header.Set("Date", "Sun, 22 Nov 2026 20:50:00 GMT")
		r.Header.Set("Digest", "SHA-256=x")
		r.Header.Set("Signature", `keyId="k"`)
		r.Header.Set("Host", r.Host)
		return nil
	}
	if _, err := c.Do(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	const want = "POST /inbox HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: bird\r\nContent-Length: 2\r\nAccept-Encoding: gzip\r\n" +
		"Content-Type: application/activity+json\r\nDate: Sun, 22 Nov 2026 20:50:00 GMT\r\nDigest: SHA-256=x\r\n" +
		"Signature: keyId=\"k\"\r\n\r\n{}"
	if sent.String() != want {
		t.Errorf("sent\n%s", sent)
	}
}

// A signer that changes what was checked, or adds what nobody listed, stops the request before a byte is sent.
func TestSignerIsHeld(t *testing.T) {
	failed := errors.New("no key")
	for name, prepare := range map[string]func(*http.Request) error{
		"host":     func(r *http.Request) error { r.Host = "b.example"; return nil },
		"header":   func(r *http.Request) error { r.Header.Set("Cookie", "a=b"); return nil },
		"agent":    func(r *http.Request) error { r.Header.Set("User-Agent", "other"); return nil },
		"hostname": func(r *http.Request) error { r.Header.Set("Host", "b.example"); return nil },
		"url":      func(r *http.Request) error { r.URL.Host = "127.0.0.3"; return nil },
		"path":     func(r *http.Request) error { r.URL.Path = "/other"; return nil },
		"method":   func(r *http.Request) error { r.Method = "DELETE"; return nil },
		"failure":  func(*http.Request) error { return failed },
	} {
		m, _ := recorder()
		c := client(t, Config{Relays: []Relay{m}})
		req := get(t, "http://a.example/")
		req.Purpose, req.Prepare = Federation, prepare
		if _, err := c.Do(t.Context(), req); !errors.Is(err, ErrRefused) && !errors.Is(err, failed) || m.dials.Load() != 0 {
			t.Errorf("%s: %v, %d dials", name, err, m.dials.Load())
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	m, _ := recorder()
	c := client(t, Config{Relays: []Relay{m}})
	for name, change := range map[string]func(*Request){
		"no purpose":             func(r *Request) { r.Purpose = 0 },
		"unknown purpose":        func(r *Request) { r.Purpose = 99 },
		"signed look-up":         func(r *Request) { r.Prepare = func(*http.Request) error { return nil } },
		"method":                 func(r *Request) { r.Method = "PUT" },
		"no method":              func(r *Request) { r.Method = "" },
		"body of a GET":          func(r *Request) { r.Body = []byte("x") },
		"no URL":                 func(r *Request) { r.URL = nil },
		"domain":                 func(r *Request) { r.Domain = "a/b" },
		"limit":                  func(r *Request) { r.MaxBody = -1 },
		"header that is several": func(r *Request) { r.Header = http.Header{"Accept": {"x\r\nCookie: y"}} },
	} {
		req := get(t, "http://a.example/")
		change(&req)
		if _, err := c.Do(t.Context(), req); err == nil {
			t.Errorf("%s went out", name)
		} else if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := m.dials.Load(); n != 0 {
		t.Errorf("%d dials", n)
	}
}

// The environment's proxy is not asked. The standard library reads it once in a process, hence a second one.
func TestNoProxyOfEnvironment(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^(TestWireGet|TestTLS)$", "-test.v")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		cmd.Env = append(cmd.Env, name+"=http://127.0.0.3:3128", strings.ToLower(name)+"=http://127.0.0.3:3128")
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}

// A redirect is an answer; a cookie is not kept; another way that the server offers is not taken.
func TestNothingFollows(t *testing.T) {
	var seen []string
	m := handler(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Host+r.URL.Path+r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.Header().Set("Alt-Svc", `h2="b.example:443"`)
		http.Redirect(w, r, "http://b.example/x", http.StatusFound)
	})
	c := client(t, Config{Relays: []Relay{m}})
	for range 2 {
		res, err := c.Do(t.Context(), get(t, "http://a.example/"))
		if err != nil || res.Status != 302 || res.Header.Get("Location") != "http://b.example/x" {
			t.Errorf("%+v, %v", res, err)
		}
	}
	if got := strings.Join(seen, " "); got != "a.example/ a.example/" {
		t.Errorf("seen %q", got)
	}
	for _, target := range m.targets {
		if target != "a.example:80" {
			t.Errorf("dialled %s", target)
		}
	}
}

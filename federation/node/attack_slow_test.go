package node_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// dial is a connection to the node.
func (s *siege) dial() net.Conn {
	s.Helper()
	c, err := s.net.Relay("outside").DialContext(s.Context(), "tcp", home+":80")
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// bytes sends bytes, whatever they are, and returns the answer; nothing if the node hangs up.
func (s *siege) bytes(request string) (got answer) {
	s.Helper()
	c := s.dial()
	defer c.Close()
	go io.WriteString(c, request) // not all may be read
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{}
	}
	body, _ := io.ReadAll(res.Body) // as much as there is
	return answer{res.StatusCode, res.Header, string(body)}
}

// raw is bytes for the status alone.
func (s *siege) raw(request string) int { return s.bytes(request).status }

// written is a request as it goes on the wire.
func written(t *testing.T, r *http.Request) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// drip writes a byte a second until the other side has enough.
func drip(w io.Writer, text string) {
	for i := range text {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		time.Sleep(time.Second)
	}
}

// slowAnswers: what E serves a byte a second is given up at a deadline for the whole, and nothing is left of it.
func slowAnswers(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSiege(t)
		eve, fay := s.site("eve.example").person("eve"), s.friend()
		slow := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", vocab.ContentType)
			drip(w, strings.Repeat(" ", 600))
		}
		for _, path := range []string{"/users/slow", "/note", "/looked/up", "/users/eve/inbox"} {
			eve.serve(path, slow)
		}
		eve.serve("/head", func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			drip(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 600))
		})
		slowpoke, other := eve.at(eve.url("/users/slow")), s.followed(eve.person("other"))
		synctest.Wait()
		before := runtime.NumGoroutine()
		for name, c := range map[string]struct {
			within time.Duration
			pull   func()
		}{
			"a key": {15 * time.Second, func() {
				if status := slowpoke.send(slowpoke.hello("1")); status != http.StatusServiceUnavailable {
					t.Errorf("the inbox answers %d", status)
				}
			}},
			"a boosted post":        {20 * time.Second, func() { fay.take(fay.act("Announce", eve.url("/note"))) }},
			"the head of an answer": {20 * time.Second, func() { other.take(other.act("Announce", eve.url("/head"))) }},
			"a look-up": {15 * time.Second, func() {
				if err := s.call("lookup", control.What{What: eve.url("/looked/up")}, nil); err == nil {
					t.Error("it was found")
				}
			}},
		} {
			begun := time.Now()
			s.unchanged(c.pull)
			if took := time.Since(begun); took == 0 || took > c.within {
				t.Errorf("%s: given up after %v", name, took)
			}
		}
		begun := time.Now()
		eve.take(eve.act("Follow", s.owner)) // the answer goes to an inbox that is as slow
		if took := time.Since(begun); took == 0 || took > 30*time.Second {
			t.Errorf("a delivery: given up after %v", took)
		}
		time.Sleep(2 * time.Minute) // for connections to be left alone long enough
		synctest.Wait()
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, and before it %d", after, before)
		}
	})
}

// slowRequests: whoever sends a byte a second is hung up on.
func slowRequests(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSiege(t)
		eve := s.site("eve.example").person("eve")
		s.known(eve)
		synctest.Wait()
		before := runtime.NumGoroutine()
		head, body, _ := strings.Cut(written(t, eve.request(eve.hello("1"))), "\r\n\r\n")
		for name, c := range map[string]struct {
			quick, slow string
			within      time.Duration
		}{
			"a head":               {"", head, 5 * time.Second},
			"a body":               {head + "\r\n\r\n", body, 30 * time.Second},
			"a chunked body":       {strings.Replace(head, "Content-Length", "Transfer-Encoding: chunked\r\nX", 1) + "\r\n\r\n", strings.Repeat("1\r\n \r\n", 100), 30 * time.Second},
			"nothing":              {"", "", 5 * time.Second},
			"nothing after a head": {head + "\r\n\r\n", "", 30 * time.Second},
		} {
			s.silent(func() {
				c1 := s.dial()
				begun := time.Now()
				go func() {
					io.WriteString(c1, c.quick)
					drip(c1, c.slow)
				}()
				io.Copy(io.Discard, c1)
				if took := time.Since(begun); took == 0 || took > c.within+time.Second {
					t.Errorf("%s: hung up on after %v", name, took)
				}
				c1.Close()
			})
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, and before it %d", after, before)
		}
	})
}

// longRequests are signed well, and longer than an activity may be.
func longRequests(t *testing.T) {
	s := newSiege(t)
	eve := s.site("eve.example").person("eve")
	s.known(eve)
	post := func(headers string) string {
		return "POST /users/alice/inbox HTTP/1.1\r\nHost: " + home + "\r\nContent-Type: application/activity+json\r\n" + headers + "\r\n\r\n"
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat(" ", 64<<10))
	s.silent(func() {
		for name, c := range map[string]struct {
			request string
			status  []int
		}{
			"chunked 2 MiB":          {post("Transfer-Encoding: chunked") + strings.Repeat(chunk, 32) + "0\r\n\r\n", []int{413}},
			"declared 2 MiB":         {post("Content-Length: 2097152"), []int{413}},
			"declared 1 TB":          {post("Content-Length: 1099511627776") + "{}", []int{413}},
			"declared beyond 2^63":   {post("Content-Length: 99999999999999999999"), []int{400}},
			"declared less than 0":   {post("Content-Length: -1") + "{}", []int{400}},
			"declared 10, sent more": {post("Content-Length: 10") + strings.Repeat(" ", 2<<20), []int{400}},
			"two lengths":            {post("Content-Length: 2\r\nContent-Length: 2000000") + "{}", []int{400}},
			"length and chunked":     {post("Content-Length: 2\r\nTransfer-Encoding: chunked") + strings.Repeat(chunk, 32) + "0\r\n\r\n", []int{400, 413}},
			"chunk of 2^64":          {post("Transfer-Encoding: chunked") + "10000000000000000\r\n{}", []int{400, 413}},
			"a head of 2 MiB":        {post("X: " + strings.Repeat("x", 2<<20)), []int{431}},
			"an address of 2 MiB":    {"GET /" + strings.Repeat("x", 2<<20) + " HTTP/1.1\r\nHost: " + home + "\r\n\r\n", []int{431, 414}},
		} {
			if got := s.raw(c.request); got != c.status[0] && got != c.status[len(c.status)-1] {
				t.Errorf("%s: %d", name, got)
			}
		}
		long := eve.act("Create", eve.note("long", strings.Repeat("x", 1<<20)))
		if status := s.raw(written(t, eve.request(long))); status != http.StatusRequestEntityTooLarge {
			t.Errorf("signed well: %d", status)
		}
	})
}

// spend returns the bytes that f has allocated.
func spend(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// longAnswers: a key that is not to be had for its length is not asked for again, and neither is the rest.
func longAnswers(t *testing.T) {
	s := newSiege(t)
	eve, fay := s.site("eve.example").person("eve"), s.friend()
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\nConnection: close\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat(" ", 64<<10))
	doc := string(encode(t, eve.doc))
	for i, answer := range []string{
		head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 32) + "0\r\n\r\n",
		head + "\r\n" + strings.Repeat(" ", 2<<20) + doc,
		head + "Content-Length: 99999999999\r\n\r\n" + doc,
		head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(doc)-1) + doc,
		head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(doc)+1) + doc,
		head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + doc,
		head + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n" + doc,
		head + strings.Repeat("X: x\r\n", 100_000) + "\r\n" + doc,
		strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: x\r\n\r\n", 100_000) + head + "\r\n" + doc,
	} {
		name := fmt.Sprintf("/users/l%d", i)
		eve.serve(name, hijacked(t, answer))
		long := eve.at(eve.url(name))
		requests, _ := s.unchanged(func() {
			used := spend(func() {
				for range 3 {
					if status := long.send(long.hello("1")); status != http.StatusUnauthorized && status != http.StatusServiceUnavailable {
						t.Errorf("%.90q: the inbox answers %d", answer[60:], status)
					}
				}
				fay.take(fay.act("Announce", long.uri))
			})
			if used > 32<<20 {
				t.Errorf("%.90q: %d MiB allocated", answer[60:], used>>20)
			}
		})
		if len(requests) != 1 {
			t.Errorf("%.90q: the node asked %q", answer[60:], requests)
		}
	}
}

// hijacked answers with raw bytes.
func hijacked(t *testing.T, answer string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(c, answer)
		c.Close()
	}
}

func bombs(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(spaces{}, 100<<20)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	s := newSiege(t)
	eve, fay := s.site("eve.example").person("eve"), s.friend()
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", vocab.ContentType)
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	}
	eve.serve("/users/bomb", serve)
	eve.serve("/bomb", serve)
	eve.serve("/.well-known/webfinger?resource=acct%3Abomb%40eve.example", serve)
	bomber := eve.at(eve.url("/users/bomb"))
	requests, _ := s.unchanged(func() {
		used := spend(func() {
			if status := bomber.send(bomber.hello("1")); status != http.StatusUnauthorized {
				t.Errorf("the inbox answers %d", status)
			}
			fay.take(fay.act("Announce", eve.url("/bomb")))
			if s.call("lookup", control.What{What: "@bomb@eve.example"}, nil) == nil {
				t.Error("somebody was found")
			}
			// In a request it is not undone at all.
			r := eve.sign(eve.request("{}"), bomb.Bytes())
			r.Header.Set("Content-Encoding", "gzip")
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(bomb.Bytes())), int64(bomb.Len())
			if got := s.do(r); got.status != http.StatusBadRequest {
				t.Errorf("a request in gzip: %d", got.status)
			}
		})
		if used > 48<<20 {
			t.Errorf("%d MiB allocated", used>>20)
		}
	})
	if len(requests) != 3 {
		t.Errorf("the node asked %q", requests)
	}
}

// spaces has no end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// hugePictures: what a header claims is checked before a pixel is decoded.
func hugePictures(t *testing.T) {
	s := newSiege(t)
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 65535), 65535)
	picture := []byte("\x89PNG\r\n\x1a\n")
	picture = append(picture, pngPart("IHDR", append(size, 8, 6, 0, 0, 0))...)
	picture = append(picture, pngPart("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})...)
	picture = append(picture, pngPart("IEND", nil)...)
	for name, data := range map[string][]byte{
		"PNG":  picture,
		"GIF":  append([]byte("GIF89a\xff\xff\xff\xff\xf0\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00"), 2, 2, 'L', 1, 0, ';'),
		"JPEG": []byte("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xff\xd9"),
	} {
		s.silent(func() {
			used := spend(func() {
				if err := s.call("post", control.NewPost{Text: "look", Media: []control.Picture{{Data: data}}}, nil); err == nil || !strings.Contains(err.Error(), "pixels") {
					t.Errorf("%s: as a picture of a post: %v", name, err)
				}
				if err := s.call("profile_set", control.NewProfile{Avatar: &data}, nil); err == nil {
					t.Errorf("%s: as an avatar it is taken", name)
				}
			})
			if used > 8<<20 {
				t.Errorf("%s: %d MiB allocated", name, used>>20)
			}
		})
	}
}

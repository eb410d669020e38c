package node_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

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

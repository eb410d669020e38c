package node_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/wire"
)

// pictures that are something else as well: all of them hold payload.
const payload = `<script>/*canary*/alert(1)</script>{"type":"Person"}`

// drawn is a small picture in a format.
func drawn(t *testing.T, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 8, 8), palette.Plan9)
	err := map[string]func() error{
		"png": func() error { return png.Encode(&b, img) },
		"gif": func() error { return gif.Encode(&b, img, nil) },
		"jpg": func() error { return jpeg.Encode(&b, img, nil) },
	}[format]()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngPart is a chunk of a PNG.
func pngPart(name string, data []byte) (chunk []byte) {
	chunk = binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, name...), data...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}

// posted is a post of the owner's with a picture.
func (s *siege) posted(p control.NewPost) federation.Post {
	s.Helper()
	var post federation.Post
	s.must("post", p, &post)
	s.settle()
	return post
}

// polyglots: what a file is, its bytes say; what it is called, chance; and nothing of it goes on but pixels.
func polyglots(t *testing.T) {
	s := newSiege(t)
	pic, gif, jpg := drawn(t, "png"), drawn(t, "gif"), drawn(t, "jpg")
	insert := func(data []byte, at int, more ...byte) []byte { return slices.Concat(data[:at], more, data[at:]) }
	comment := append([]byte{0xff, 0xfe, 0, byte(len(payload) + 2)}, payload...)
	for name, c := range map[string]struct {
		data []byte
		mime string
	}{
		"PNG with a page after it": {append(bytes.Clone(pic), payload...), "image/png"},
		"PNG with a text":          {insert(pic, 33, pngPart("tEXt", []byte("Comment\x00"+payload))...), "image/png"},
		"GIF with a page after it": {append(bytes.Clone(gif), payload...), "image/gif"},
		"JPEG with a comment":      {insert(jpg, 2, comment...), "image/jpeg"},
	} {
		post := s.posted(control.NewPost{Text: name, Media: []control.Picture{{Data: c.data, Alt: "../../x.html"}}})
		url := post.Attachments[0].URL
		if !regexp.MustCompile(`^http://dunnock\.example/media/[a-z2-7]{26}\.(png|gif|jpg)$`).MatchString(url) {
			t.Errorf("%s is called %s", name, url)
		}
		got := s.do(s.get(url))
		if got.status != http.StatusOK || got.header.Get("Content-Type") != c.mime || strings.Contains(got.body, "canary") {
			t.Errorf("%s is served as %d %v %q", name, got.status, got.header, got.body)
		}
	}
	for name, data := range map[string]string{
		"HTML": "<!DOCTYPE html>" + payload, "SVG": `<svg xmlns="http://www.w3.org/2000/svg">` + payload + `</svg>`, "XML": "<?xml version='1.0'?><svg/>",
		"an activity": `{"@context":"https://www.w3.org/ns/activitystreams","type":"Person","id":"` + s.owner + `"}`, "script": "alert(1)",
		"GIF in name": "GIF89a/*" + payload + "*/=1;alert(1)", "PNG in name": "\x89PNG\r\n\x1a\n" + payload, "JPEG in name": "\xff\xd8\xff" + payload, "PDF": "%PDF-1.7\n" + payload,
		"ZIP": "PK\x03\x04" + payload, "nothing": "", "PHP": "<?php system($_GET['x']);",
	} {
		s.silent(func() {
			if err := s.call("post", control.NewPost{Text: "x", Media: []control.Picture{{Data: []byte(data)}}}, nil); err == nil {
				t.Errorf("%s is taken for a picture", name)
			}
		})
	}
	// On the disk there are these files and no others.
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(s.dir, path); err == nil && !d.IsDir() && !regexp.MustCompile(`^(media/[a-z2-7]{26}\.(png|gif|jpg)|dunnock\.db(-wal|-shm)?|lock)$`).MatchString(rel) {
			t.Errorf("there is a file %s", rel)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// ways are paths that lead somewhere else, where somebody joins or decodes them.
var ways = []string{
	"../dunnock.db", "../../dunnock.db", "..%2fdunnock.db", "..%2Fdunnock.db", "%2e%2e/dunnock.db", "%2e%2e%2fdunnock.db", "..%5cdunnock.db", `..\dunnock.db`,
	"..%252fdunnock.db", "..;/dunnock.db", "....//dunnock.db", ".%2e/dunnock.db", "..%c0%afdunnock.db", "..%00/dunnock.db", "dunnock.db%00.png", "PIC%00.png",
	"%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd", "%2f%2fetc/passwd", "./PIC", "x/../PIC%00", "file:///etc/passwd", "http://127.0.0.1/", "..", ".", "%2e", "", "%", "%zz",
	"PIC%2e", "PIC%20", "PIC.", "PIC/", "PIC%2f", "PIC::$DATA", "CON.png", "-rf.png", "~/.ssh/id_rsa", "*", "%2a.png", "?.png", "PIC;.html", "a%0d%0aX:%20y.png",
}

// traversal: whatever is joined to any path that is served, the answer is what it is for what does not exist.
func traversal(t *testing.T) {
	s := newSiege(t)
	eve := s.site("eve.example").person("eve")
	s.known(eve)
	post := s.posted(control.NewPost{Text: "look", Media: []control.Picture{{Data: drawn(t, "png")}}})
	pic := filepath.Base(post.Attachments[0].URL)
	for _, base := range []string{"/media/", "/users/alice/posts/", "/users/alice/activities/", "/users/", "/.well-known/", "/nodeinfo/", "/actor/", "/", "/inbox/"} {
		for _, way := range ways {
			path := base + strings.ReplaceAll(way, "PIC", pic)
			for _, signed := range []string{"", "Signature: " + eve.get("/x").Header.Get("Signature") + "\r\n"} {
				got := s.bytes("GET " + path + " HTTP/1.1\r\nHost: " + home + "\r\nAccept: application/activity+json\r\n" + signed + "Connection: close\r\n\r\n")
				if got.status >= 500 || strings.Contains(got.body, "SQLite format") || strings.Contains(got.body, "root:") || strings.Contains(got.body, "PRIVATE KEY") {
					t.Errorf("%s: %d %q", path, got.status, got.body)
				}
				if strings.HasPrefix(path, "/media/") && got.status == http.StatusOK {
					t.Errorf("%s is served", path)
				}
			}
		}
	}
}

// servedTypes: what is served has one of few types, which neither its name, nor its bytes, nor who asks decides.
func servedTypes(t *testing.T) {
	s := newSiege(t)
	data := append(drawn(t, "png"), payload...)
	post := s.posted(control.NewPost{Text: "look", Media: []control.Picture{{Data: data, Alt: payload}}})
	s.must("profile_set", control.NewProfile{Avatar: &data}, nil)
	var profile federation.Profile
	s.must("profile_show", nil, &profile)
	for _, url := range []string{post.Attachments[0].URL, profile.Avatar} {
		for _, accept := range []string{"", "*/*", "text/html", "application/activity+json", "image/svg+xml", "application/javascript"} {
			r := s.get(url)
			r.Header.Set("Accept", accept)
			got := s.do(r)
			h := got.header
			if got.status != 200 || h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
				!strings.Contains(h.Get("Cache-Control"), "no-store") || strings.Contains(got.body, "canary") {
				t.Errorf("for %q a picture is served as %d %v", accept, got.status, h)
			}
		}
		name := strings.TrimSuffix(url, ".png")
		absent := s.do(s.get("/media/" + wire.NewToken() + ".png"))
		for _, other := range []string{name, name + ".json", name + ".svg", name + ".html", name + ".jpg", name + ".PNG", url + ".json", url + "?type=text/html#x", url + "/x.js"} {
			if got := s.do(s.get(other)); got.status != http.StatusNotFound && !strings.Contains(other, "?") || got.status == 200 && got.header.Get("Content-Type") != "image/png" {
				t.Errorf("%s: %d %v, and what never was %v", other, got.status, got.header, absent)
			}
		}
	}
}

// openRedirects: no path of the node leads to another host, and no query decides where anything leads.
func openRedirects(t *testing.T) {
	s := newSiege(t)
	for _, path := range []string{"//evil.example/", "//evil.example/users/alice", "//evil.example//", "/\\evil.example/", "/%5cevil.example", "/%2f%2fevil.example/", "///evil.example/..",
		"/users/alice/..//evil.example", "/users//evil.example/", "/.//evil.example/", "/media//evil.example", "/users/alice/../../..//evil.example/%2e%2e", "/?url=https://evil.example/",
		"/users/alice?redirect=https://evil.example/", "/authorize_interaction?uri=https://evil.example/", "/.well-known//evil.example", "http://evil.example/", "http://" + home + "//evil.example/"} {
		for _, accept := range []string{"text/html", "application/activity+json"} {
			got := s.bytes("GET " + path + " HTTP/1.1\r\nHost: " + home + "\r\nAccept: " + accept + "\r\nConnection: close\r\n\r\n")
			if to := got.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) {
				t.Errorf("%s leads to %s", path, to)
			}
			if strings.Contains(got.body, `"//`) || strings.Contains(got.body, "https://evil") {
				t.Errorf("%s is answered with %q", path, got.body)
			}
		}
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/storage"
)

// evil has what a terminal would act on: colours, a title, moved cursors, C1 controls, deletes, turned text, tags.
const evil = "\x1b[31mred\x1b]0;title\a\u009b2J\u0085\b\r\x7f\u202egpj.exe\u2066\u061c\ufeff\U000e0041\u2028"

// acts is what evil has that text has not, told apart without the code under test.
func acts(r rune) bool {
	return r < ' ' && r != '\n' || r >= 0x7f && r <= 0x9f || strings.ContainsRune("\u202e\u2066\u061c\ufeff\U000e0041\u2028", r)
}

func TestPrintable(t *testing.T) {
	if got := printable("ünï👩‍👧 \t\r\nx\n"); got != "ünï👩‍👧  \nx\n" {
		t.Errorf("plain text became %q", got)
	}
	if got := oneLine(" a\n\tb\r\nc  d "); got != "a b c d" {
		t.Errorf("one line became %q", got)
	}
	if got := printable(evil + "\xff\xc2\x9b"); strings.ContainsFunc(got, acts) || !utf8.ValidString(got) {
		t.Errorf("hostile text became %q", got)
	}
}

// TestNothingHostileIsShown puts hostile text into every field of every answer and looks at what is printed.
func TestNothingHostileIsShown(t *testing.T) {
	who := federation.Person{URI: evil, Handle: evil, Name: evil + "\nfake line"}
	x := federation.Post{ID: evil, URI: evil, Author: who, BoostedBy: &who, Type: evil, Visibility: evil, Title: evil, Text: evil,
		Warning: evil, Quote: evil, InReplyTo: evil, State: evil, Attachments: []federation.Attachment{{URL: evil, MIME: evil, Alt: evil}},
		Reacts: map[string]int{evil: 1}, Poll: &federation.Poll{Options: []federation.PollOption{{Name: evil}}}}
	friend := federation.Relationship{Actor: evil, Handle: evil, Name: evil, State: evil}
	var out bytes.Buffer
	p := &page{w: &out, width: maxWidth}
	p.post(x)
	p.posts(control.Posts{Posts: []federation.Post{x}, Next: evil}, "dunnock timeline")
	p.people([]federation.Relationship{friend}, "")
	p.account(federation.Account{Handle: evil, URI: evil, Name: evil, Summary: evil, Fields: []storage.Field{{Name: evil, Value: evil}},
		Following: evil, Follower: evil})
	p.delivery(evil, federation.Waiting{Act: evil, Object: evil, Host: evil, Error: evil})
	p.f("%s %s", evil, called(friend))
	if line := hostileLine(out.String()); line != "" {
		t.Errorf("printed %q", line)
	}
	if strings.Contains(out.String(), "\nfake line") {
		t.Error("a name starts a line of its own")
	}

	out.Reset()
	if err := p.json(x); err != nil {
		t.Fatal(err)
	}
	if line := hostileLine(out.String()); line != "" {
		t.Errorf("printed %q", line)
	}
	var back federation.Post
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Text != evil {
		t.Errorf("JSON gives back %q, %v", back.Text, err)
	}

	m := &Main{Stderr: &out}
	out.Reset()
	m.report(usagef("%s", evil))
	if line := hostileLine(out.String()); line != "" {
		t.Errorf("an error printed %q", line)
	}
}

// hostileLine is the first line with a hostile character.
func hostileLine(s string) string {
	for line := range strings.SplitSeq(s, "\n") {
		if strings.ContainsFunc(line, acts) {
			return line
		}
	}
	return ""
}

func TestColour(t *testing.T) {
	var out bytes.Buffer
	p := &page{w: &out, width: maxWidth, colour: true}
	p.row("", cell{bold, "Bob" + evil[:5]}, cell{dim, ""}, cell{plain, "x"})
	if want := "\x1b[1mBob\ufffd[31m\x1b[0m  x\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestColoursWanted(t *testing.T) {
	for _, test := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"0", "xterm", false}, {"", "dumb", false}} {
		env := func(name string) string { return map[string]string{"NO_COLOR": test.noColor, "TERM": test.term}[name] }
		if got := colours(env); got != test.want {
			t.Errorf("NO_COLOR=%s TERM=%s: %v", test.noColor, test.term, got)
		}
	}
}

func TestShowPost(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("", 2*3600)
	t.Cleanup(func() { time.Local = local })
	var out bytes.Buffer
	p := &page{w: &out, width: 60}
	x := federation.Post{URI: "https://example.com/1", Author: federation.Person{Handle: "@bob@example.com", Name: "Bob"}, Visibility: "public",
		Published: time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC), Warning: "birds", Depth: 1, Boosts: 1, Likes: 2, Liked: true,
		Text:        "A dunnock is a small brown bird that goes unnoticed.\n\nIs it not?",
		Attachments: []federation.Attachment{{URL: "https://example.com/1.jpg", MIME: "image/jpeg", Alt: "a bird"}}}
	p.post(x)
	const want = `  Bob  @bob@example.com  2026-03-02 01:30  public
    [ birds ]
    A dunnock is a small brown bird that goes unnoticed.

    Is it not?
    [image/jpeg: a bird] https://example.com/1.jpg
    1 boost · 2 likes · you like it
    https://example.com/1
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

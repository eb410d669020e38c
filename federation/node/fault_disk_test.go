package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/storage"
	"github.com/dunnock-server/dunnock/storage/faultdisk"
)

// memory is what was acknowledged, whatever happened since.
type memory struct {
	mu    sync.Mutex
	taken []string // URIs of posts of others, answered with 202
	said  []string // URIs of the owner's, that the command was told of
	n     int
}

func (m *memory) next() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	return fmt.Sprint(m.n)
}

func (m *memory) note(list *[]string, uri string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*list = append(*list, uri)
}

// TestFaultPowerCut cuts the power of a whole node at random moments, while servers send to it, its owner posts, and its queues
// work: what was answered with 202 is there once, what the owner was told of is there and reaches the followers.
func TestFaultPowerCut(t *testing.T) {
	rng := seeded(t)
	s := newPatient(t)
	closed := s.mustOpen("")
	fay := s.friend().follows()
	closed()
	m, heard := &memory{}, map[string]int{}
	ways := map[string]int{}
	for i := range scaled(300) {
		disk := faultdisk.New(0)
		closed, err := s.open(disk.Name())
		if err != nil {
			t.Fatal(err)
		}
		disk.CutAfter(1 + rng.IntN(600))
		s.busy(fay, m, disk.Off)
		closed()
		next := t.TempDir()
		how, err := disk.Remains(next, rng)
		if err != nil {
			t.Fatal(err)
		}
		ways[how]++
		disk.Close()
		if s.dir = next; i%5 != 4 {
			continue // the next cut finds what this one left
		}
		closed = s.mustOpen("")
		s.settle()
		for _, uri := range m.taken {
			if n := s.posts(uri); n != 1 {
				t.Errorf("%s was answered with 202 and is there %d times", uri, n)
			}
		}
		for _, o := range fay.received() {
			if o.Type() == "Create" {
				post, _ := o.Object("object")
				heard[post.ID()]++
			}
		}
		for _, uri := range m.said {
			if s.posts(uri) != 1 || heard[uri] == 0 {
				t.Errorf("%s was written and is there %d times, and told %d times", uri, s.posts(uri), heard[uri])
			}
		}
		closed()
		s.sound()
		if t.Failed() {
			t.Fatalf("cut %d, leaving %s", i, how)
		}
	}
	twice := 0
	for _, n := range heard {
		twice += n - 1
	}
	t.Logf("%d cuts (%v): %d activities taken, %d posts made, of which %d were told again", scaled(300), ways, len(m.taken), len(m.said), twice)
	if len(m.taken) == 0 || len(m.said) == 0 {
		t.Error("nothing was acknowledged: the test sees nothing")
	}
}

// busy has others send, the owner post and the queues work until the node's disk is gone.
func (s *siege) busy(fay *account, m *memory, over func() bool) {
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for !over() {
				name := m.next()
				a := &account{site: fay.site, uri: fay.uri, keyID: fay.keyID, private: fay.private} // its counter is not shared
				r := a.request(a.hello(name, obj{"id": a.uri + "/acts/hello-" + name}))
				if s.try(r) == http.StatusAccepted {
					m.note(&m.taken, a.url("/notes/"+name))
				}
			}
		})
	}
	all.Go(func() {
		for !over() {
			var made struct {
				URI string `json:"uri"`
			}
			if err := s.call("post", control.NewPost{Text: "post " + m.next()}, &made); err == nil {
				m.note(&m.said, made.URI)
			}
		}
	})
	all.Go(func() {
		for !over() {
			_ = s.node.Drain(s.Context())
		}
	})
	all.Wait()
}

// TestFaultDiskRefuses has the disk refuse to write under a node that runs. Nothing is taken, everybody is told to come back,
// the owner is told why; and then all goes on as if nothing had been.
func TestFaultDiskRefuses(t *testing.T) {
	for name, fault := range map[string]struct {
		op   faultdisk.Op
		err  error
		want error
	}{
		"full":          {faultdisk.Write, faultdisk.Full, storage.ErrFull},
		"broken":        {faultdisk.Write, faultdisk.Broken, storage.ErrDisk},
		"does not sync": {faultdisk.Sync, faultdisk.Broken, storage.ErrDisk},
		"read-only":     {faultdisk.Write, sqlite3.READONLY, storage.ErrReadOnly},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPatient(t)
			disk := faultdisk.New(0)
			closed := s.mustOpen(disk.Name())
			fay := s.friend().follows()
			fay.received()
			for round := range 3 {
				disk.Fail(func(op faultdisk.Op, _ string) error {
					if op == fault.op {
						return fault.err
					}
					return nil
				})
				late := fmt.Sprint("late", round)
				hello := fay.hello(late)
				if status := s.try(fay.request(hello)); status != http.StatusServiceUnavailable {
					t.Errorf("the inbox answers %d", status)
				}
				for _, path := range []string{s.owner, "/.well-known/webfinger?resource=acct:alice@" + home} {
					if status := s.try(fay.get(path)); status != http.StatusServiceUnavailable {
						t.Errorf("%s is served, though it cannot be written down: %d", path, status)
					}
				}
				s.troubled(s.call("post", control.NewPost{Text: "refused"}, nil), fault.want)
				s.troubled(s.call("block", control.Who{Who: fay.uri}, nil), fault.want)
				if err := s.call("timeline", control.Page{}, nil); err != nil {
					t.Errorf("reading needs no writing: %v", err)
				}
				_ = s.node.Drain(t.Context())
				disk.Fail(nil)
				s.settle()
				if got := fay.received(); len(got) > 0 {
					t.Errorf("what was refused was told: %v", got)
				}
				if n := s.posts(fay.url("/notes/" + late)); n != 0 {
					t.Errorf("what was refused is there: %d", n)
				}
				fay.take(hello) // it comes again
				s.must("post", control.NewPost{Text: "taken"}, nil)
				s.settle()
				if n := s.posts(fay.url("/notes/" + late)); n != 1 {
					t.Errorf("what came again is there %d times", n)
				}
				if got := fay.received(); len(got) != 1 {
					t.Errorf("what was posted then was told %d times", len(got))
				}
			}
			closed()
			disk.Close()
			s.sound()
		})
	}
}

// TestFaultDamagedPage spoils one page of the database after another. The node says so, or does not need that page: it does not
// stumble, and what it answers with 202 is there.
func TestFaultDamagedPage(t *testing.T) {
	rng := seeded(t)
	s := newPatient(t)
	closed := s.mustOpen("")
	fay := s.friend().follows()
	closed()
	path := filepath.Join(s.dir, "dunnock.db")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const pageSize = 4096
	refused, unopened, fine := 0, 0, 0
	for page := 1; page <= len(sound)/pageSize; page += 1 + rng.IntN(110/scaled(100)) { // one in six, or each
		damaged := bytes.Clone(sound)
		damaged[(page-1)*pageSize+rng.IntN(pageSize)] ^= 1 << rng.IntN(8)
		for _, suffix := range []string{"-wal", "-shm"} {
			_ = os.Remove(path + suffix)
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		closed, err := s.open("")
		if err != nil {
			if unopened++; storage.Trouble(err) != storage.ErrDamaged {
				t.Errorf("page %d: opening says %v", page, err)
			}
			continue
		}
		name := fmt.Sprint("page", page)
		status := s.try(fay.request(fay.hello(name)))
		for _, path := range []string{s.owner, s.owner + "/outbox?page=true", "/.well-known/webfinger?resource=acct:alice@" + home} {
			s.try(fay.get(path))
		}
		err = s.call("post", control.NewPost{Text: "on a damaged disk"}, nil)
		if err != nil && err.Error() != storage.ErrDamaged.Error() {
			t.Errorf("page %d: a command says %v", page, err)
		}
		drained := s.node.Drain(t.Context())
		switch {
		case status == http.StatusServiceUnavailable:
			refused++
		case status != http.StatusAccepted:
			t.Errorf("page %d: the inbox answers %d", page, status)
		case drained == nil && s.gone(fay.url("/notes/"+name)):
			t.Errorf("page %d: what was answered with 202 is gone", page)
		default:
			fine++
		}
		closed()
	}
	t.Logf("the node was not opened %d times, refused %d times, and could do without the page %d times", unopened, refused, fine)
}

// gone says that a post is not there, and nothing waits that might be it. What cannot be read is not gone.
func (s *siege) gone(uri string) bool {
	var status struct{ Inbound int }
	thread, waiting := s.call("thread", control.ID{ID: uri}, nil), s.call("status", nil, &status)
	failure := (*federation.Error)(nil)
	return errors.As(thread, &failure) && failure.Kind == federation.NotFound && waiting == nil && status.Inbound == 0
}

// TestFaultLocked has another program hold the database while the node runs.
func TestFaultLocked(t *testing.T) {
	s := newPatient(t)
	closed := s.mustOpen("")
	defer closed()
	fay := s.friend().follows()
	other, err := sqlite3.Open("file:" + filepath.Join(s.dir, "dunnock.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	run := func(sql string) {
		t.Helper()
		if err := other.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	run("BEGIN; SELECT count(*) FROM posts") // it reads, and takes its time
	fay.take(fay.hello("beside"))
	s.must("post", control.NewPost{Text: "beside"}, nil)
	run("COMMIT; BEGIN IMMEDIATE") // it writes
	hello := fay.hello("late")
	if status := s.try(fay.request(hello)); status != http.StatusServiceUnavailable {
		t.Errorf("the inbox answers %d while it cannot write", status)
	}
	s.troubled(s.call("post", control.NewPost{Text: "refused"}, nil), storage.ErrBusy)
	if err := s.call("timeline", control.Page{}, nil); err != nil {
		t.Errorf("reading needs no writing: %v", err)
	}
	run("COMMIT")
	fay.take(hello)
	for _, name := range []string{"beside", "late"} {
		if n := s.posts(fay.url("/notes/" + name)); n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
	s.sound()
}

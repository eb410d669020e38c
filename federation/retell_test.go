package federation_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/storage"
)

// TestWhatWasEditedBeforeItLeftIsNotTold: who is reached late hears the post as it is then, and never what it was.
func TestWhatWasEditedBeforeItLeftIsNotTold(t *testing.T) {
	run(t, func(w *world) {
		heard := w.listen("b.example")
		w.down.Store("b.example")
		p := w.publish(w.a, federation.Draft{Text: "slip of the tongue"})
		for _, text := range []string{"second thought", "third thought"} {
			get(w, first(w.a.Service().Edit(w.Context(), p.ID, federation.Edit{Text: &text})))
		}
		time.Sleep(time.Minute)
		w.down.Store("")
		w.settle()
		if seen := w.known(w.b, p.URI); seen == nil || seen.Text != "third thought" {
			t.Errorf("b sees %+v", seen)
		}
		for _, text := range []string{"slip of the tongue", "second thought"} {
			if strings.Contains(heard(), text) {
				t.Errorf("b was sent %q", text)
			}
		}
	})
}

// listen returns what a host has been sent since.
func (w *world) listen(host string) func() string {
	var mu sync.Mutex
	var all strings.Builder
	w.network.Hear(func(_, to string, sent []byte) {
		mu.Lock()
		defer mu.Unlock()
		if to == host {
			all.Write(sent)
		}
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// TestDeletedWordsAreGoneFromTheDisk: neither the post, nor the acts that told it, nor what was told of it, have them.
func TestDeletedWordsAreGoneFromTheDisk(t *testing.T) {
	run(t, func(w *world) {
		p := w.publish(w.a, federation.Draft{Text: "unforgettable words"})
		text := "unforgettable words, edited"
		get(w, first(w.a.Service().Edit(w.Context(), p.ID, federation.Edit{Text: &text})))
		get(w, first(w.a.Service().Boost(w.Context(), p.ID)))
		w.settle()
		get(w, first(w.a.Service().Delete(w.Context(), p.ID)))
		w.settle()
		if w.known(w.b, p.URI) != nil {
			t.Error("b still has it")
		}
		w.a.Stop()
		defer w.a.Start()
		db, err := storage.Open(w.Context(), storage.Config{Path: filepath.Join(w.a.DataDir(), "dunnock.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		acts, err := db.ActsAbout(w.Context(), p.URI)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range acts {
			if bytes.Contains([]byte(a.Document), []byte("unforgettable")) {
				t.Errorf("a %s still has them", a.Type)
			}
		}
		if len(acts) != 1 || acts[0].Type != "Delete" {
			t.Errorf("%d acts are left", len(acts))
		}
	})
}

// TestVotesAreTold: an open poll is told on the hour, whenever the votes came, and its result at the end; once each.
func TestVotesAreTold(t *testing.T) {
	run(t, func(w *world) {
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(70 * time.Minute)))
		p := w.publish(w.a, federation.Draft{Text: "tea?", Poll: &federation.PollDraft{Options: []string{"yes", "no"}, ClosesIn: 3 * time.Hour}})
		w.settle()
		get(w, first(w.b.Service().Vote(w.Context(), p.URI, []string{"yes"})))
		time.Sleep(20 * time.Minute)
		if got := w.known(w.c, p.URI).Poll; got.Voters != 0 {
			t.Errorf("c was told at once: %+v", got)
		}
		time.Sleep(40 * time.Minute)
		if got := w.known(w.c, p.URI); got.Poll.Voters != 1 || got.Poll.Options[0].Votes != 1 || got.Updated != nil {
			t.Errorf("after an hour c sees %+v, edited %v", got.Poll, got.Updated)
		}
		time.Sleep(time.Until(p.Poll.Closes.Add(-5 * time.Minute)))
		get(w, first(w.c.Service().Vote(w.Context(), p.URI, []string{"no"})))
		time.Sleep(10 * time.Minute)
		if got := w.known(w.b, p.URI).Poll; got.Voters != 2 || got.Options[1].Votes != 1 {
			t.Errorf("after the end b sees %+v", got)
		}
		before := w.dials.Load()
		time.Sleep(24 * time.Hour)
		if n := w.dials.Load() - before; n != 0 {
			t.Errorf("%d connections after the result was told", n)
		}
	})
}

package fleet

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Kind is what a request to a server is for.
type Kind int

// The kinds of requests.
const (
	Document   Kind = iota // of an actor there is
	Descriptor             // WebFinger
	Delivery               // POST to an inbox
	Unknown                // everything else: what is not there
	kinds
)

// Asked is how many requests of a kind all servers got.
func (f *Fleet) Asked(k Kind) int { return int(f.asked[k].Load()) }

// AskedInAll is how many requests all servers got.
func (f *Fleet) AskedInAll() (n int) {
	for k := range kinds {
		n += f.Asked(k)
	}
	return n
}

// AskedOf is how many requests the server of an actor got.
func (f *Fleet) AskedOf(a *Actor) int { return int(a.asked.Load()) }

func (f *Fleet) serve(w http.ResponseWriter, r *http.Request) {
	a := f.byHost[r.Host]
	if a != nil {
		a.asked.Add(1)
	}
	switch {
	case a == nil:
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/inbox"):
		f.take(w, r)
		return
	case "http://"+r.Host+r.URL.Path == a.URI:
		f.asked[Document].Add(1)
		w.Header().Set("Content-Type", "application/activity+json")
		w.Write(a.document)
		return
	case r.URL.Path == "/.well-known/webfinger":
		f.asked[Descriptor].Add(1)
		w.Header().Set("Content-Type", "application/jrd+json")
		w.Write(a.descriptor)
		return
	}
	f.asked[Unknown].Add(1)
	w.WriteHeader(http.StatusNotFound)
}

// take notes a delivery and answers it.
func (f *Fleet) take(w http.ResponseWriter, r *http.Request) {
	f.asked[Delivery].Add(1)
	var act struct {
		ID     string `json:"id"`
		Type   string `json:"type"`
		Object any    `json:"object"`
	}
	came := time.Now()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &act)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if d := time.Duration(f.delay.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-r.Context().Done(): // whoever sent it is gone, and may send it again
		}
	}
	object, _ := act.Object.(string)
	if o, ok := act.Object.(map[string]any); ok {
		object, _ = o["id"].(string)
	}
	life, _ := r.Context().Value(lifeOf{}).(int)
	f.arrivals.add(Arrival{Life: life, Host: r.Host, ID: act.ID, Type: act.Type, Object: object, Came: came, At: time.Now()})
	w.WriteHeader(http.StatusAccepted)
}

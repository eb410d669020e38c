package fleet

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Asked is how many requests all servers got.
func (f *Fleet) Asked() int { return int(f.asked.Load()) }

// Met is how many connections were made to all servers.
func (f *Fleet) Met() int { return int(f.met.Load()) }

// AskedOf is how many requests the server of an actor got.
func (f *Fleet) AskedOf(a *Actor) int { return int(a.asked.Load()) }

func (f *Fleet) serve(w http.ResponseWriter, r *http.Request) {
	f.asked.Add(1)
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
		w.Header().Set("Content-Type", "application/activity+json")
		w.Write(a.document)
		return
	case r.URL.Path == "/.well-known/webfinger":
		w.Header().Set("Content-Type", "application/jrd+json")
		w.Write(a.descriptor)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// take notes a delivery and answers it.
func (f *Fleet) take(w http.ResponseWriter, r *http.Request) {
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
	f.arrivals.add(Arrival{Life: life, Host: r.Host, ID: act.ID, Type: act.Type, Object: object, Came: came})
	w.WriteHeader(http.StatusAccepted)
}

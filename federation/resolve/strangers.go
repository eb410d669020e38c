package resolve

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// How many signers who are not known may cost a look-up: signatures a second, and at once.
const (
	strangerRate      = 40
	strangerBurst     = 400
	strangerHostRate  = 2
	strangerHostBurst = 50
	maxStrangerHosts  = 4096
)

// strangers bounds the look-ups that signatures by unknown keys cause. Anybody can send any number of those, in the name of
// anybody: without a bound the node would pass on a flood of them, to a third server or to as many as the sender likes, and
// sign each request. Of what is known already nobody is asked, so those whom the node knows are not held up by it.
//
// Whoever comes when there is no room is asked to come again, as when their server did not answer. A flood can so keep
// strangers waiting for as long as it lasts.
type strangers struct {
	all *rate.Limiter

	mu    sync.Mutex
	hosts map[string]*rate.Limiter // by what is claimed; bounded, and whoever is dropped has its burst again
}

func newStrangers() *strangers {
	return &strangers{all: rate.NewLimiter(strangerRate, strangerBurst), hosts: map[string]*rate.Limiter{}}
}

var errCrowd = fmt.Errorf("%w: too many strangers at once", ErrUnreachable)

// admit says whether there is room for a look-up at a URI. The server's own share comes first: what is too much for it takes
// nothing from the others.
func (s *strangers) admit(uri string) error {
	host, err := hostname.HostOf(uri)
	if err != nil {
		return nil // the look-up says what is wrong with it, and asks nobody
	}
	now := time.Now()
	if !s.of(host).AllowN(now, 1) || !s.all.AllowN(now, 1) {
		return errCrowd
	}
	return nil
}

// of is the share of a server.
func (s *strangers) of(host string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.hosts[host]; l != nil {
		return l
	}
	if len(s.hosts) >= maxStrangerHosts {
		room := maxStrangerHosts / 8
		for h := range s.hosts {
			if room--; room < 0 {
				break
			}
			delete(s.hosts, h)
		}
	}
	l := rate.NewLimiter(strangerHostRate, strangerHostBurst)
	s.hosts[host] = l
	return l
}

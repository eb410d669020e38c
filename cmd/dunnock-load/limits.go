package main

import "strings"

// bound is a limit of a figure: at least or at most a value, in the figure's unit.
type bound struct {
	value float64
	most  bool
	// always says that missing it is a failure without --limits too: something is lost.
	always bool
}

func atLeast(v float64) bound { return bound{value: v} }
func atMost(v float64) bound  { return bound{value: v, most: true} }

var none = bound{most: true, always: true} // nothing at all

func (b bound) met(v float64) bool {
	if b.most {
		return v <= b.value
	}
	return v >= b.value
}

// Names of figures.
const (
	inboxSpeed   = "inbox: processed and visible"
	inboxCPU     = "inbox: CPU an activity"
	inboxLost    = "inbox: answered 2xx and lost"
	inboxDoubled = "inbox: doubled"

	fanoutSlow     = "fan-out: to the last, servers that take their time"
	fanoutFast     = "fan-out: to the last, servers that answer at once"
	fanoutCPU      = "fan-out: CPU a delivery, over one RSA-2048 signature"
	fanoutBare     = "fan-out: CPU a delivery, over a bare client's"
	fanoutOrder    = "fan-out: order alike for two posts"
	fanoutFollow   = "fan-out: order like that of the follows"
	fanoutLost     = "fan-out: deliveries lost"
	fanoutDoubled  = "fan-out: deliveries doubled"
	followRequests = "follow: requests to its server, with the Accept"

	inboxSpeedOver = "inbox: speed at size, over that of an empty node"
	inboxCPUOver   = "inbox: CPU an activity at size, over that of an empty node"
	fanoutTimeOver = "fan-out: time at size, over that of an empty node"
	fanoutCPUOver  = "fan-out: CPU a delivery at size, over that of an empty node"

	startTime     = "start: to the first answer, median"
	idleRSS       = "idle: memory"
	idleAnonymous = "idle: memory, anonymous"
	binarySize    = "binary: size"
	buildTime     = "binary: build from an empty cache"

	killLost          = "kill: answered 2xx and lost"
	killDoubled       = "kill: doubled"
	killsLost         = "kills: mentions answered 2xx and lost"
	killsDoubled      = "kills: mentions doubled"
	killsLikesWrong   = "kills: likes or posts lost or doubled"
	killsFollowsWrong = "kills: follows that are wrong"
	killsUndelivered  = "kills: posts answered and not delivered"
	killsDelivered    = "kills: deliveries doubled"
	killsCrashed      = "kills: crashes without a SIGKILL"
	killsUnsound      = "kills: databases that are not sound after it"

	// Floods: the first three begin the names of the others.
	floodMany    = "flood: "
	floodOne     = "flood, all from one address: "
	floodLarge   = "flood of large requests: "
	floodP99     = "good ones, 99 of 100"
	floodRefused = "good ones not answered 2xx"
	floodLost    = "good ones lost or doubled"
	floodPeak    = "peak memory"
	floodAsked   = "requests caused, after the first 500"
	floodVictim  = "requests caused to one server, after the first 100"
	floodAfter   = "requests after it"

	levelRSS         = "after it: memory"
	levelDescriptors = "after it: file descriptors more than before"
	levelGoroutines  = "after it: goroutines more than before"

	// Relays: what follows a kind.
	hurried   = "servers that answer at once"
	unhurried = "servers that take their time"
	reuse     = ", new connections to a server in a turn"

	getSpeed   = "get: signed GETs of the owner"
	getRefused = "get: not answered with the whole document"
)

// limits are all limits, for two cores with the load on the same machine. A figure without one is for information; of those
// of a filled node, what must be nothing must be nothing there too.
var limits = map[string]bound{
	inboxSpeed:   atLeast(4000),
	inboxCPU:     atMost(0.35),
	inboxLost:    none,
	inboxDoubled: none,

	fanoutSlow: atMost(3),
	fanoutCPU:  atMost(1.4),
	fanoutBare: atMost(1.4 / 1.16), // a bare client takes 1.16 signatures where nothing else runs
	// In standard deviations of the rank correlation of two random orders: 5 happens once in two million runs.
	fanoutOrder:    atMost(5),
	fanoutFollow:   atMost(5),
	fanoutLost:     none,
	fanoutDoubled:  none,
	followRequests: atMost(3),

	// At size, 70 % of what an empty node does: of its speed, and for the same time and work.
	inboxSpeedOver: atLeast(0.7),
	inboxCPUOver:   atMost(1 / 0.7),
	fanoutTimeOver: atMost(1 / 0.7),
	fanoutCPUOver:  atMost(1 / 0.7),

	startTime:          atMost(50),
	atSize + startTime: atMost(100),
	idleRSS:            atMost(32),
	idleAnonymous:      atMost(14),
	binarySize:         atMost(32),
	buildTime:          atMost(90),

	killLost:          none,
	killDoubled:       none,
	killsLost:         none,
	killsDoubled:      none,
	killsLikesWrong:   none,
	killsFollowsWrong: none,
	killsUndelivered:  none,
	killsDelivered:    none,
	killsCrashed:      none,
	killsUnsound:      none,

	levelRSS: atMost(64),
	// The database's connections are opened as they are needed.
	levelDescriptors: atMost(12),
	levelGoroutines:  atMost(4),

	// Of what takes as long as it does between continents. At once, proxies that cut what they carry and wait for it to be
	// acknowledged take longer.
	"relays: sshd, " + unhurried + ", over direct":       atMost(1.25),
	"relays: dante, " + unhurried + ", over direct":      atMost(1.25),
	"relays: microsocks, " + unhurried + ", over direct": atMost(1.25),
	"relays: squid, " + unhurried + ", over direct":      atMost(1.25),
	"relays: tinyproxy, " + unhurried + ", over direct":  atMost(1.25),
	"relays: sshd, " + hurried + ", over direct":         atMost(1.25),
	"relays: dante, " + hurried + ", over direct":        atMost(1.25),
	"relays: squid, " + hurried + ", over direct":        atMost(1.25),
	"relays: sshd" + reuse:                               atMost(2),
	"relays: dante" + reuse:                              atMost(2),
	"relays: microsocks" + reuse:                         atMost(2),
	"relays: squid" + reuse:                              atMost(2),
	"relays: tinyproxy" + reuse:                          atMost(2),
	"relays: direct" + reuse:                             atMost(2),

	getSpeed:   atLeast(12000),
	getRefused: none,
}

// floodLimits are those of each flood, by what follows its name.
var floodLimits = map[string]bound{
	floodP99: atMost(250),
	// A good one that was answered 503 comes again; while the flood lasts, none is.
	floodRefused: atMost(0),
	floodLost:    none,
	floodPeak:    atMost(96),
	// Whoever is met for the first time costs two requests. A post that the whole fediverse answers brings some hundreds of
	// such people at once, and some dozens a second; a flood that claims thousands a second must not turn the node into a
	// flood of its own.
	floodAsked:  atMost(50),
	floodVictim: atMost(5),
	floodAfter:  atMost(100),
}

// limitOf is the limit of a figure.
func limitOf(name string) (bound, bool) {
	for _, flood := range []string{floodOne, floodLarge, floodMany} {
		if rest, ok := strings.CutPrefix(name, flood); ok {
			limit, ok := floodLimits[rest]
			return limit, ok
		}
	}
	limit, ok := limits[name]
	return limit, ok
}

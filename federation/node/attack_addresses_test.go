package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// private are addresses that are no server's, however written; P is the port at which canaries listen.
var private = []string{
	"127.0.0.3:P", "127.0.0.3.:P", "127.255.255.254:P", "0.0.0.0:P", "0.1.2.3:P", "10.0.0.1:P", "100.64.0.1:P", "169.254.169.254",
	"172.16.0.1", "172.31.255.254", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.254",
	"198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
	"[::]:P", "[::1]:P", "[::ffff:127.0.0.3]:P", "[::ffff:7f00:3]:P", "[::ffff:10.0.0.1]", "[::127.0.0.3]:P", "[::ffff:0:127.0.0.3]:P",
	"[64:ff9b::7f00:3]:P", "[64:ff9b:1::7f00:3]:P", "[100::1]", "[2001::1]", "[2001:0:7f00:3::80ff:fffc]", "[2001:2::1]", "[2001:db8::1]",
	"[2002:7f00:3::]:P", "[3fff::1]", "[5f00::1]", "[fc00::1]", "[fd00::1]", "[fe80::1]", "[fe80::1%25lo]:P", "[fec0::1]", "[ff02::1]",
	// The same by other readers' rules.
	"2130706435:P", "0x7f000003:P", "0x7f.0.0.3:P", "0177.0.0.3:P", "017700000003:P", "127.3:P", "127.0.3:P", "0x7f.3:P", "127.0.0.03:P",
	"127.0.0.3%2e:P", "１２７.0.0.3:P", "①②⑦.⓪.⓪.③:P", "127。0。0。3:P",
	"localhost:P", "LOCALHOST:P", "localhost.:P", "a.localhost:P", "localhost.localdomain:P", "ip6-localhost:P", "relay.internal:P", "x.local:P", "x:P",
	"1.0.0.127.in-addr.arpa:P", "eve.onion:P",
}

func privateAddresses(t *testing.T) {
	l := newLoopback(t)
	for _, written := range private {
		host := strings.Replace(written, ":P", fmt.Sprintf(":%d", l.port), 1)
		l.nowhere("http://" + host + "/")
	}
	if asked := l.names.told(); len(asked) > 0 {
		t.Errorf("a resolver was asked for %q", asked)
	}
}

// twoReadings are URLs of which one parser says that they lead to E, and another that they lead to the canary.
func twoReadings(t *testing.T) {
	l := newLoopback(t)
	e, canary := l.eve.host, fmt.Sprintf("127.0.0.3:%d", l.port)
	l.nowhere(
		`http://`+e+`\@`+canary+`/`, `http://`+canary+`\@`+e+`/`, "http://"+e+"@"+canary+"/", "http://"+canary+"@"+e+"/",
		"http://eve:"+e+"@"+canary+"/", "http://"+e+"#@"+canary+"/", "http://"+canary+"#@"+e+"/", "http://"+e+"?@"+canary+"/",
		"http://"+e+"%2f@"+canary+"/", "http://"+e+"%00."+canary+"/", "http://"+e+" "+canary+"/", "http://"+e+"\t@"+canary+"/",
		"http://"+e+"\n"+canary+"/", "http://"+e+"\r\nHost: "+canary+"/", "http:\\\\"+canary+"\\", "http:/\\"+canary+"/", "http://"+canary+"%23/",
		"http://"+canary+"./", "http://["+canary+"]/", "http://127.0.0.3:"+fmt.Sprint(l.port)+":80/", "http://127.0.0.3:0"+fmt.Sprint(l.port)+"/",
		"http://127.0.0.3:+"+fmt.Sprint(l.port)+"/", "http://127.0.0.3:"+fmt.Sprint(int(l.port)+65536)+"/", "http://127.0.0.2:"+fmt.Sprint(l.other)+"/",
		"http://127.0.0.2:22/", "http://127.0.0.2/", "http://127.0.0.2:0/", "http://127.0.0.2:/", "http://"+e+"/ HTTP/1.1\r\nX: y", "hTtP://"+canary+"/",
	)
}

// rebinding: the first look-up of a name has a public address, the next one a private one. Every connection has its own.
func rebinding(t *testing.T) {
	l := newLoopback(t)
	t.Setenv("HTTP_PROXY", fmt.Sprintf("http://127.0.0.3:%d", l.port)) // which the node does not ask either
	mallory := l.stranger("mallory")
	l.names.put("mallory.example", "127.0.0.2", "127.0.0.3")
	closing := func(doc obj) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close") // so that the next request is a look-up of its own
			w.Header().Set("Content-Type", "application/activity+json")
			w.Write(encode(t, doc))
		}
	}
	l.eve.serve("/users/mallory", closing(mallory.doc)) // whatever name it is asked by
	requests, dials := l.during(func() { mallory.post(mallory.act("Follow", l.owner)) })
	// The actor from the public address; WebFinger and the answer to the Follow would have gone to the private one.
	if len(requests) != 1 || len(dials) < 3 {
		t.Errorf("the node asked %q and dialled %q", requests, dials)
	}
	// From the beginning, and by turns.
	for i, addresses := range [][]string{{"127.0.0.3"}, {"127.0.0.3", "127.0.0.2", "127.0.0.3"}} {
		host := l.names.put(fmt.Sprintf("evil%d.example", i), addresses...)
		for j, v := range levers {
			requests, _ := l.during(func() { v.pull(l, fmt.Sprintf("http://%s/%d", host, j)) })
			for _, r := range requests {
				if i == 0 && strings.Contains(r, host) {
					t.Errorf("%s: the node asked %q", v.name, requests)
				}
			}
		}
	}
}

// relayNames: of the relay kinds there is direct alone, whose own loopback is the machine's.
func relayNames(t *testing.T) {
	l := newLoopback(t)
	for _, name := range []string{"localhost", "relay.internal", "metadata.google.internal", "loopback.example", "router.lan", "printer.local"} {
		host := l.names.put(name, "127.0.0.3")
		l.during(func() {
			for i, v := range levers {
				v.pull(l, fmt.Sprintf("http://%s/%d", host, i))
			}
		})
	}
	for _, name := range l.names.told() {
		if name != "loopback.example" { // which looks like any other, and is refused when its address is known
			t.Errorf("a resolver was asked for %s", name)
		}
	}
}

package capture

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// pebble is Let's Encrypt's server for tests, at authority; what it issues is signed by roots.
func (n network) pebble(t *testing.T, r *remote, d *node) (roots *x509.CertPool) {
	t.Helper()
	if _, err := exec.LookPath("pebble"); err != nil {
		const lack = "pebble missing: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(lack)
		}
		t.Skip(lack)
	}
	der, err := x509.MarshalPKCS8PrivateKey(r.key)
	if err != nil {
		t.Fatal(err)
	}
	key := d.write("pebble.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": authority.String() + ":443", "managementListenAddress": authority.String() + ":15000", "certificate": r.roots, "privateKey": key,
		"httpPort": 1, "tlsPort": 443, "profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": 3600}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", n.remote, "env", "PEBBLE_VA_NOSLEEP=1", "pebble", "-config", d.write("pebble.json", string(config)),
		"-dnsserver", netip.AddrPortFrom(resolver, 53).String())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client := n.visitor(n.remote, &tls.Config{InsecureSkipVerify: true}, t)
	roots = x509.NewCertPool()
	await(t, "pebble's root", func() bool {
		res, err := client.Get("https://" + authority.String() + ":15000/roots/0")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		root, err := io.ReadAll(res.Body)
		return err == nil && roots.AppendCertsFromPEM(root)
	})
	return roots
}

// visitor goes to any name, but for an address, at the relay's.
func (n network) visitor(namespace string, c *tls.Config, t *testing.T) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: c,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			if host, port, _ := net.SplitHostPort(address); net.ParseIP(host) == nil {
				address = net.JoinHostPort(relay4.String(), port)
			}
			within(t, namespace, func() error { conn, err = new(net.Dialer).DialContext(ctx, network, address); return nil })
			return conn, err
		}}}
}

// TestIngress shows a node that is reached by its relay alone: TLS ends at home, with a certificate that was asked for by way of
// the relay, and nothing on its line is of anybody else.
func TestIngress(t *testing.T) {
	need(t)
	for _, k := range kinds {
		if k.name != "ssh" && k.name != "relay serve" && k.name != "wireguard" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			n := newNetwork(t)
			r := n.servers(t)
			n.names(t, address)
			wire, loop := record(t, n.home, "up0"), record(t, n.home, "lo")
			d := newNode(t, n, k, r.roots)
			d.reachedBy(k)
			roots := n.pebble(t, r, d)
			d.start()

			visit := func(name string) (*http.Response, error) {
				return n.visitor(n.remote, &tls.Config{RootCAs: roots, ServerName: name}, t).Get("https://" + domain + "/users/alice")
			}
			await(t, "a certificate", func() bool {
				res, err := visit(domain)
				if err == nil {
					res.Body.Close()
				}
				return err == nil
			})
			d.examined(r)
			// A follow arrives, and its answer leaves.
			res, err := n.visitor(n.remote, &tls.Config{RootCAs: roots}, t).Do(r.follow(t, "https://"+domain+"/users/alice", host(1)))
			if err != nil || res.StatusCode/100 != 2 {
				t.Fatalf("a follow was answered %v, %v", res, err)
			}
			res.Body.Close()
			await(t, "a follow accepted", func() bool { return r.count("Accept") == 1 })
			// Who scans the relay's address without the name is shown none.
			if _, err := visit("other.example"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("a visitor without the name: %v", err)
			}
			// The relay is gone for a while; what is reached by it is back by itself, with the same certificate.
			if !d.way.line.UDP || os.Getenv("DUNNOCK_FULL") == "1" { // a tunnel takes two minutes to be missed
				d.way.far.kill()
				if _, err := visit(domain); err == nil {
					t.Error("reached without the relay")
				}
				d.way.far.start()
				await(t, "the node is reached again", func() bool {
					res, err := visit(domain)
					if err == nil {
						res.Body.Close()
					}
					return err == nil
				})
			}
			onWire, onLoop := wire(), loop()
			if open := n.scan(t, ports...); len(open) > 0 {
				t.Errorf("the node answers at %v", open)
			}
			d.kill()
			t.Logf("%d packets on the wire, %d on lo; the servers saw %v", len(onWire), len(onLoop), r.saw())
			k.judge(t, d.way.line.Leaks(onWire), d.way.loop.Leaks(onLoop), r)
		})
	}
}

// guarded adds the CAA record of the node's domain to an answer that wants it, if there is one.
func (r *remote) guarded(message []byte) ([]byte, error) {
	var m dnsmessage.Message
	record, _ := r.caa.Load().(string)
	if err := m.Unpack(message); err != nil || record == "" || m.Questions[0].Type != 257 || m.Questions[0].Name.String() != domain+"." {
		return message, err
	}
	q := m.Questions[0]
	m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
		Body: &dnsmessage.UnknownResource{Type: q.Type, Data: append([]byte{0, 5}, "issue"+record...)}})
	return m.Pack()
}

// examined is what the owner is told: without the CAA record anybody who holds the domain's address may have a certificate
// issued, with the one that is shown nobody; and the one relay is the address where visitors come.
func (d *node) examined(r *remote) {
	d.t.Helper()
	examine := func() map[string]bool {
		out, err := d.try("doctor", "--json")
		var found struct {
			Checks []struct {
				What string `json:"check"`
				OK   bool
			}
		}
		if e := json.NewDecoder(strings.NewReader(out)).Decode(&found); e != nil || err == nil {
			d.t.Fatalf("doctor: %v, %v\n%s", err, e, out)
		}
		fine := map[string]bool{}
		for _, c := range found.Checks {
			fine[c.What] = c.OK
		}
		return fine
	}
	want := map[string]bool{"relay out": true, "exits": false, "way in out": false, "certificate": true, "CAA " + domain: false}
	if got := examine(); !maps.Equal(got, want) {
		d.t.Errorf("doctor: %v", got)
	}
	var known struct {
		Certificate struct{ CAA string }
	}
	if err := json.Unmarshal([]byte(d.must("ingress", "list", "--json")), &known); err != nil {
		d.t.Fatal(err)
	}
	_, record, _ := strings.Cut(known.Certificate.CAA, `CAA 0 issue "`)
	r.caa.Store(strings.TrimSuffix(record, `"`))
	want["CAA "+domain] = true
	if got := examine(); !maps.Equal(got, want) {
		d.t.Errorf("doctor, with the record %q: %v", record, got)
	}
	out, _ := d.try("doctor") // whose exit code is 1
	d.t.Log(out)
}

// TestOnionIngress shows a node that is reached by its onion service alone: it sees itself from outside, in a circuit of its own,
// and nothing on its line is of anybody but tor's relays.
func TestOnionIngress(t *testing.T) {
	need(t)
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == "tor" })
	n := newNetwork(t)
	r := n.servers(t)
	n.names(t, address)
	wire, loop := record(t, n.home, "up0"), record(t, n.home, "lo")
	d := newNode(t, n, kinds[i], r.roots)
	d.enteredBy("kind = \"onion\"\nrelay = \"out\"\naddress = \"127.0.0.1:8081\"")
	d.start()
	await(t, "the onion service is seen from outside", func() bool { return strings.Contains(d.must("ingress", "list", "--json"), `"up": true`) })
	onWire, onLoop := wire(), loop()
	if open := n.scan(t, ports...); len(open) > 0 {
		t.Errorf("the node answers at %v", open)
	}
	visitors := To(onLoop, netip.MustParseAddr("127.0.0.1"))
	d.kill()
	t.Logf("%d packets on the wire, %d on lo, %d of them to 127.0.0.1", len(onWire), len(onLoop), len(visitors))
	line := d.way.loop
	line.Relays = append(line.Relays, netip.MustParseAddrPort("127.0.0.1:8081")) // where tor brings visitors
	kinds[i].judge(t, d.way.line.Leaks(onWire), line.Leaks(onLoop), r)
}

// reachedBy changes the configuration to one whose only way in is the relay.
func (d *node) reachedBy(kind) {
	d.t.Helper()
	d.enteredBy(fmt.Sprintf("kind = \"relay\"\nrelay = \"out\"\nacme = \"https://%v/dir\"", authority))
}

// enteredBy changes the configuration to one whose only way in is another.
func (d *node) enteredBy(lines string) {
	d.t.Helper()
	file, err := os.ReadFile(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(file), "[listen]\n")
	_, after, there := strings.Cut(after, "\n\n")
	if !ok || !there {
		d.t.Fatalf("no [listen] in\n%s", file)
	}
	d.write("dunnock.toml", before+after+"\n[[ingress]]\n"+lines+"\n")
}

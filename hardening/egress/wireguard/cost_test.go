package wireguard

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

const size = 100 << 20 // of a transfer

// transfer moves size bytes over one connection, down or up.
func transfer(t testing.TB, dial egress.Dial, up bool) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	method, url, body := "GET", fmt.Sprintf("http://%s/bytes/%d", public, size), io.Reader(nil)
	if up {
		method, url, body = "POST", "http://"+public.String()+"/", io.LimitReader(zeros{}, size)
	}
	req, err := http.NewRequestWithContext(soon(t), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 0
	if up {
		req.ContentLength = size
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || !up && n != size {
		t.Fatal(n, err)
	}
}

func heap() int64 {
	var m runtime.MemStats
	for range 3 { // what a pool holds goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// A relay that is not used is no memory, one that is idle is less than 16 MiB, and what a burst takes is given back.
func TestMemory(t *testing.T) {
	const mib = 1 << 20
	f := newFar(t)
	f.serve(80)
	before := heap()
	unused := make([]*Relay, 1000) // so many, as what else changes meanwhile takes some MiB
	for i := range unused {
		unused[i] = f.relay()
	}
	if each := (heap() - before) / int64(len(unused)); each > mib/16 {
		t.Errorf("a relay that is not used takes %d KiB", each>>10)
	}
	before = heap()
	r := unused[0]
	if err := r.Connect(soon(t)); err != nil {
		t.Fatal(err)
	}
	idle := heap() - before
	for _, up := range []bool{false, true} {
		transfer(t, r.DialContext, up)
	}
	var after int64
	until(t, 20*time.Second, "the memory of a burst is given back", func() bool {
		after = heap() - before
		return after < idle+4*mib
	})
	if idle > 16*mib || after > 16*mib {
		t.Errorf("idle %d KiB, after a burst %d KiB", idle>>10, after>>10)
	}
	t.Logf("idle %d KiB, after 2 × 100 MiB %d KiB", idle>>10, after>>10)
	r.Close()
	runtime.KeepAlive(unused)
}

// bare is a tunnel to f of the library's own bind and stack: what there is to be compared with.
func (f *far) bare() (dial egress.Dial, stop func()) {
	wire, stack, err := netstack.CreateNetTUN([]netip.Addr{ours}, nil, 1420)
	if err != nil {
		f.t.Fatal(err)
	}
	dev := device.NewDevice(wire, conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	err = dev.IpcSet(fmt.Sprintf("private_key=%s\npublic_key=%s\nendpoint=127.0.0.1:%d\nallowed_ip=0.0.0.0/0\n", f.ourPrivate.hex(), f.public.hex(), f.port))
	if err == nil {
		err = dev.Up()
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		return stack.DialContext(ctx, "tcp", address)
	}, dev.Close
}

// A transfer through a relay is as fast as through the bare library, or nearly so: at least nine tenths, of the best of several
// that take turns. Whatever else the machine does makes some slower and none faster, so on a busy one more are taken.
func TestThroughput(t *testing.T) {
	rounds, most := 4, 12
	if os.Getenv("DUNNOCK_FULL") == "1" {
		rounds = most
	}
	one, two := newFar(t), newFar(t)
	one.serve(80)
	two.serve(80)
	r := one.relay()
	dial, stop := two.bare()
	defer stop()
	for _, up := range []bool{false, true} {
		var relay, bare []time.Duration
		ratio := 0.0
		for len(bare) < rounds || ratio < 0.9 && len(bare) < most {
			begun := time.Now()
			transfer(t, dial, up)
			bare = append(bare, time.Since(begun))
			begun = time.Now()
			transfer(t, r.DialContext, up)
			relay = append(relay, time.Since(begun))
			ratio = float64(slices.Min(bare)) / float64(slices.Min(relay))
		}
		t.Logf("up %v: relay %v, bare %v: %.2f of it", up, relay, bare, ratio)
		if ratio < 0.9 {
			t.Errorf("up %v: %.2f of the bare library's throughput", up, ratio)
		}
	}
}

func BenchmarkRelay(b *testing.B) {
	f := newFar(b)
	f.serve(80)
	dial, stop := f.relay().DialContext, func() {}
	for _, name := range []string{"relay", "bare"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for range b.N {
				transfer(b, dial, false)
			}
		})
		if name == "relay" {
			<-time.After(50 * time.Millisecond)
			dial, stop = f.bare()
		}
	}
	stop()
}

package gauge

import (
	"net"
	"os"
	"runtime"
	"testing"
)

func TestGauge(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are measured on Linux only")
	}
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	cost, err := MeasureRSA()
	if err != nil {
		t.Fatal(err)
	}
	after, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if cost.Verify <= 0 || cost.Sign < 5*cost.Verify {
		t.Errorf("a signature costs %s, a verification %s", cost.Sign, cost.Verify)
	}
	if used := after - before; used < 200*cost.Sign+4000*cost.Verify {
		t.Errorf("%s for 200 signatures of %s and 4,000 verifications of %s", used, cost.Sign, cost.Verify)
	}
	s, err := Look(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s.RSS < 1<<20 || s.Anonymous <= 0 || s.Anonymous > s.RSS || s.Peak < s.RSS || s.Threads < 1 || s.Descriptors < 3 {
		t.Errorf("%+v", s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if more, err := Look(os.Getpid()); err != nil || more.Sockets != s.Sockets+1 {
		t.Errorf("%d sockets, %d with one that listens: %v", s.Sockets, more.Sockets, err)
	}
	if _, err := Look(-1); err == nil {
		t.Error("a process that is none")
	}
}

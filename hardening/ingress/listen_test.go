package ingress

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

func TestListenTCP(t *testing.T) {
	for _, a := range []string{"127.0.0.1:0", "localhost:0"} {
		ln, err := Listen(Config{Address: a})
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		if !ln.Addr().(*net.TCPAddr).IP.IsLoopback() {
			t.Errorf("%s: listens on %v", a, ln.Addr())
		}
		if _, err := Listen(Config{Address: ln.Addr().String()}); !errors.Is(err, ErrInUse) {
			t.Errorf("taken port: %v", err)
		}
		ln.Close()
	}
	// A name would be looked up; an empty host is every interface, unsaid.
	for _, a := range []string{"", ":8080", "a.example:80", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "unix:", "unix:@abstract"} {
		if ln, err := Listen(Config{Address: a}); err == nil {
			ln.Close()
			t.Errorf("%q: listens on %v", a, ln.Addr())
		}
	}
}

func TestUnixMode(t *testing.T) {
	for _, tt := range []struct{ given, want fs.FileMode }{{0, 0o600}, {0o660, 0o660}} {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := Listen(Config{Address: "unix:" + path, SocketMode: tt.given})
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != tt.want {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		ln.Close()
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	if _, err := Listen(Config{Address: "unix:" + path, SocketMode: 0o666}); err == nil {
		t.Error("a socket for everyone")
	}
}

func TestListenControl(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "control.sock")
	ln, err := ListenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("directory %v", info.Mode())
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v", info.Mode())
	}
	go func() {
		c, err := ln.Accept()
		if err == nil {
			io.WriteString(c, "node")
			c.Close()
		}
	}()
	c, err := egress.DialControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(c); string(b) != "node" {
		t.Errorf("%q", b)
	}
	ln.Close()

	os.Chmod(dir, 0o770)
	if ln, err := ListenControl(path); err == nil {
		ln.Close()
		t.Error("a directory that others can write to")
	}
}

func TestStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	leaveStale(t, path)
	ln, err := ListenControl(path)
	if err != nil {
		t.Fatalf("stale: %v", err)
	}
	if _, err := ListenControl(path); !errors.Is(err, ErrInUse) {
		t.Errorf("live: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the live socket is gone: %v", err)
	}
	ln.Close()

	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenControl(path); err == nil {
		t.Error("a file was taken for a socket")
	}
	if b, _ := os.ReadFile(path); string(b) != "mine" {
		t.Error("a file was removed")
	}
}

// leaveStale makes the socket file of a process that was killed.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
}

// Of many that start at once over a stale socket, exactly one listens, and it is the one that answers.
func TestStaleSocketRace(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "s")
		leaveStale(t, path)
		var mu sync.Mutex
		var won []net.Listener
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				ln, err := ListenControl(path)
				switch {
				case err == nil:
					mu.Lock()
					won = append(won, ln)
					mu.Unlock()
				case !errors.Is(err, ErrInUse):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d listen", len(won))
		}
		go func() {
			if c, err := won[0].Accept(); err == nil {
				c.Close()
			}
		}()
		c, err := egress.DialControl(t.Context(), path)
		if err != nil {
			t.Fatalf("the winner is not reached: %v", err)
		}
		c.Close()
		won[0].Close()
	}
}

// From the moment it exists, the socket has its mode: nothing is ever open for others, whatever the umask.
func TestUnixModeFromTheStart(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := t.TempDir()
	var wide bool
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if info, err := os.Lstat(filepath.Join(dir, "s")); err == nil && info.Mode().Perm()&0o077 != 0 {
				wide = true
			}
		}
	})
	for range 200 {
		ln, err := Listen(Config{Address: "unix:" + filepath.Join(dir, "s")})
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
	}
	close(stop)
	watch.Wait()
	if wide {
		t.Error("the socket was open to others for a moment")
	}
}

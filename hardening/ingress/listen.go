package ingress

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// ErrInUse says that something listens there already.
var ErrInUse = errors.New("ingress: address in use")

// Listen opens the listener for c.Address. Errors say which form it has to have; ErrInUse is wrapped where it applies.
func Listen(c Config) (net.Listener, error) {
	c = c.withDefaults()
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		if c.SocketMode&^fs.FileMode(0o770) != 0 {
			return nil, fmt.Errorf("ingress: socket mode %#o: only owner and group may connect", c.SocketMode)
		}
		return listenUnix(path, c.SocketMode)
	}
	return listenTCP(c.Address)
}

// listenTCP takes no names, because to resolve one would be a look-up that no relay carries, and no empty host, because
// who listens on every interface should have said so.
func listenTCP(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.New(`ingress: an address to listen on is "host:port" or "unix:/path"`)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, errors.New(`ingress: the host to listen on is a literal address, such as 127.0.0.1, 0.0.0.0 or [::1]`)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, errors.New("ingress: the port to listen on is a number from 0 to 65535")
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // it would tell peers the machine's other addresses
	ln, err := lc.Listen(context.Background(), "tcp", netip.AddrPortFrom(addr, uint16(n)).String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	if err != nil {
		return nil, fmt.Errorf("ingress: listening: %w", err)
	}
	return ln, nil
}

// ListenControl opens the socket by which the commands reach their own node: mode 0600, in a directory that is made 0700
// if it is missing and refused if others than its owner can write to it (they could put a socket of their own there). A
// socket that nobody answers on is replaced; one that is answered gives ErrInUse.
func ListenControl(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("ingress: control socket: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("ingress: control socket: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("ingress: control socket: %s can be written to by others; chmod go-w it", dir)
	}
	return listenUnix(path, 0o600)
}

// listenUnix binds path with mode from the first moment on. The directory is locked while it looks and binds, so that of
// two nodes started at once one sees the other's live socket instead of removing it.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if path == "" || path[0] == '@' {
		return nil, errors.New("ingress: a unix socket has a path (abstract ones have no permissions)")
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("ingress: socket directory: %w", err)
	}
	defer dir.Close() // and with it the lock
	switch err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, fmt.Errorf("%w: another process is about to listen in this directory", ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("ingress: locking the socket directory: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// On Linux the file takes over the mode of the socket (less the umask), so there is no moment in which others
		// could connect. Elsewhere this may fail, and the chmod below is what counts.
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode.Perm())) })
	}}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("ingress: listening: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		ln.Close()
		return nil, fmt.Errorf("ingress: socket mode: %w", err)
	}
	return ln, nil
}

// removeStale removes a socket that nobody listens on. Whatever is not surely that stays.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("ingress: socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%w: there is a file that is not a socket", ErrInUse)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := egress.DialControl(ctx, path)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return ErrInUse
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("ingress: stale socket: %w", err)
	}
	return nil
}

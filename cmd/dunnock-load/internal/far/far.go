// Package far runs what people run at the far end of a relay: OpenSSH's sshd, the SOCKS servers dante and microsocks, and the
// HTTP proxies squid and tinyproxy, each on a port of loopback, with settings of its own in a directory of its own, for as long
// as a context lasts.
//
// It looks at nothing that goes through them.
package far

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"time"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/cmd/internal/relayconfig"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// End is a far end.
type End struct {
	// Name is what people call it, Kind the kind of relay that it is to a node, Program what is run, and Package Debian's name of
	// what has it.
	Name, Kind, Program, Package string

	settings func(dir string, port uint16) (args []string, relay config.Relay, err error)
}

// Ends are all there are.
var Ends = []End{
	{"sshd", config.KindSSH, "/usr/sbin/sshd", "openssh-server", sshd},
	{"dante", config.KindSocks, "danted", "dante-server", dante},
	{"microsocks", config.KindSocks, "microsocks", "microsocks", microsocks},
	{"squid", config.KindHTTP, "squid", "squid", squid},
	{"tinyproxy", config.KindHTTP, "tinyproxy", "tinyproxy", tinyproxy},
}

// Run runs one in dir, which must exist, until ctx ends, and returns the relay that leads there once it takes connections. The
// error names the package to install where the program is missing.
func (e End) Run(ctx context.Context, dir string) (relay config.Relay, err error) {
	program, err := exec.LookPath(e.Program)
	if err != nil {
		return relay, fmt.Errorf("%s is missing: apt-get install %s", e.Program, e.Package)
	}
	port, err := freeport.Find()
	if err != nil {
		return relay, err
	}
	context.AfterFunc(ctx, func() { port.Close() })
	args, relay, err := e.settings(dir, port.Number)
	if err != nil {
		return relay, err
	}
	relay.Name, relay.Kind = "out", e.Kind
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return relay, fmt.Errorf("starting %s: %w", e.Program, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); ; {
		conn, err := net.Dial("tcp", relay.Address)
		if err == nil {
			return relay, conn.Close()
		}
		select {
		case err := <-ended:
			return relay, fmt.Errorf("%s has ended: %w", e.Program, err)
		case <-limit:
			return relay, fmt.Errorf("%s takes no connections", e.Program)
		case <-tick.C:
		}
	}
}

func address(port uint16) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func microsocks(_ string, port uint16) ([]string, config.Relay, error) {
	return []string{"-i", "127.0.0.1", "-p", fmt.Sprint(port)}, config.Relay{Address: address(port)}, nil
}

func dante(dir string, port uint16) ([]string, config.Relay, error) {
	file := filepath.Join(dir, "danted.conf")
	settings := fmt.Sprintf("logoutput: /dev/null\ninternal: 127.0.0.1 port = %d\nexternal: lo\nclientmethod: none\nsocksmethod: none\n"+
		"user.privileged: root\nuser.unprivileged: nobody\nclient pass { from: 0/0 to: 0/0 }\nsocks pass { from: 0/0 to: 0/0 }\n", port)
	return []string{"-f", file}, config.Relay{Address: address(port)}, os.WriteFile(file, []byte(settings), 0o600)
}

func squid(dir string, port uint16) ([]string, config.Relay, error) {
	file := filepath.Join(dir, "squid.conf")
	settings := fmt.Sprintf("http_port 127.0.0.1:%d\nhttp_access allow all\ncache deny all\naccess_log none\ncache_log /dev/null\npid_filename none\n"+
		"coredump_dir /\nshutdown_lifetime 0 seconds\n", port)
	return []string{"-N", "-f", file}, config.Relay{Address: address(port)}, os.WriteFile(file, []byte(settings), 0o600)
}

func tinyproxy(dir string, port uint16) ([]string, config.Relay, error) {
	file := filepath.Join(dir, "tinyproxy.conf")
	settings := fmt.Sprintf("Port %d\nListen 127.0.0.1\nMaxClients 2000\nTimeout 600\nLogLevel Critical\nLogFile \"/dev/null\"\nDisableViaHeader Yes\n", port)
	return []string{"-d", "-c", file}, config.Relay{Address: address(port)}, os.WriteFile(file, []byte(settings), 0o600)
}

func sshd(dir string, port uint16) (args []string, relay config.Relay, err error) {
	me, err := user.Current()
	if err != nil {
		return nil, relay, err
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // what it calls its privilege separation directory
			return nil, relay, err
		}
	}
	host, err := relayconfig.WriteKey(filepath.Join(dir, "host"))
	if err != nil {
		return nil, relay, err
	}
	ours, err := relayconfig.WriteKey(filepath.Join(dir, "identity"))
	if err != nil {
		return nil, relay, err
	}
	file, authorized := filepath.Join(dir, "sshd_config"), filepath.Join(dir, "authorized_keys")
	if err := os.WriteFile(authorized, []byte(relayconfig.Line(ours.PublicKey())+"\n"), 0o600); err != nil {
		return nil, relay, err
	}
	settings := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\n"+
		"PasswordAuthentication no\nPermitRootLogin prohibit-password\nLogLevel FATAL\n", port, filepath.Join(dir, "host"), authorized)
	relay = config.Relay{Address: address(port), User: me.Username, IdentityFile: filepath.Join(dir, "identity"), HostKey: relayconfig.Line(host.PublicKey())}
	return []string{"-D", "-f", file}, relay, os.WriteFile(file, []byte(settings), 0o600)
}

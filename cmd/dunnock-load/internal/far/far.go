// Package far runs what people run at the far end of a relay: OpenSSH's sshd, microsocks and tinyproxy, each on a port of
// loopback, with settings of its own in a directory of its own, for as long as a context lasts.
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

// Kind is a kind of far end.
type Kind struct {
	// Name is that of the relay's kind, Program what is run, and Package Debian's name of what has it.
	Name, Program, Package string

	settings func(dir string, port uint16) (args []string, relay config.Relay, err error)
}

// Kinds are all there are.
var Kinds = []Kind{
	{config.KindSSH, "/usr/sbin/sshd", "openssh-server", sshd},
	{config.KindSocks, "microsocks", "microsocks", microsocks},
	{config.KindHTTP, "tinyproxy", "tinyproxy", tinyproxy},
}

// Run runs one in dir, which must exist, until ctx ends, and returns the relay that leads there once it takes connections. The
// error names the package to install where the program is missing.
func (k Kind) Run(ctx context.Context, dir string) (relay config.Relay, err error) {
	program, err := exec.LookPath(k.Program)
	if err != nil {
		return relay, fmt.Errorf("%s is missing: apt-get install %s", k.Program, k.Package)
	}
	port, err := freeport.Find()
	if err != nil {
		return relay, err
	}
	context.AfterFunc(ctx, func() { port.Close() })
	args, relay, err := k.settings(dir, port.Number)
	if err != nil {
		return relay, err
	}
	relay.Name, relay.Kind = "out", k.Name
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return relay, fmt.Errorf("starting %s: %w", k.Program, err)
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
			return relay, fmt.Errorf("%s has ended: %w", k.Program, err)
		case <-limit:
			return relay, fmt.Errorf("%s takes no connections", k.Program)
		case <-tick.C:
		}
	}
}

func address(port uint16) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func microsocks(_ string, port uint16) ([]string, config.Relay, error) {
	return []string{"-i", "127.0.0.1", "-p", fmt.Sprint(port)}, config.Relay{Address: address(port)}, nil
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

// Package child runs the real dunnock binary as a process of its own: in a data directory of its own, on loopback, with the
// [unsafe] settings of a trial. It starts and ends that process, and reaches its owner's calls.
//
// It writes the configuration and nothing else. It does not look into the database: what the node knows is what its owner is
// told.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// Username is the owner's.
const Username = "owner"

// database is the file in the data directory.
const database = "dunnock.db"

// Build builds the program into dir, as README has it built for use, and returns its path.
func Build(ctx context.Context, dir string, env ...string) (string, error) {
	program := filepath.Join(dir, "dunnock")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program,
		"github.com/dunnock-server/dunnock/cmd/dunnock")
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building dunnock (inside its source tree; or name a binary with --dunnock): %w\n%s", err, out)
	}
	return program, nil
}

// Node is a node and, while it runs, its process. Start and what ends the process must not run side by side.
type Node struct {
	*control.Client
	Program string
	Dir     string // its data, and nothing else
	Address string // "127.0.0.1:port": where it listens, and its host and domain

	port *freeport.Port // held: a socket that nobody refers to is closed
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	log  *tail
}

// Direct is the relay of a node that dials by itself.
var Direct = config.Relay{Name: "plain", Kind: config.KindDirect}

// New makes a node in dir, which must exist, on a port that is its own as long as the node is referred to. Everything leaves it by
// the relay. It does not run yet.
func New(program, dir string, by config.Relay) (*Node, error) {
	port, err := freeport.Find()
	if err != nil {
		return nil, fmt.Errorf("looking for a free port: %w", err)
	}
	n := &Node{Program: program, Dir: filepath.Join(dir, "data"), Address: fmt.Sprintf("127.0.0.1:%d", port.Number), port: port}
	n.Client = control.Dial(n.socket())
	c := config.Config{Domain: n.Address, Username: Username, Data: n.Dir, Listen: config.Listen{Address: n.Address},
		Relays: []config.Relay{by}, Egress: &config.Egress{Relays: []string{by.Name}},
		Unsafe: &config.Unsafe{HTTP: true, Addresses: []string{"127.0.0.0/8"}}}
	return n, os.WriteFile(n.config(), config.Annotated(c), 0o600)
}

func (n *Node) config() string { return filepath.Join(filepath.Dir(n.Dir), config.FileName) }

// PID is the number of the process, which must run.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Database is the path of the node's database.
func (n *Node) Database() string { return filepath.Join(n.Dir, database) }

// Origin is the beginning of all of the node's URLs.
func (n *Node) Origin() string { return "http://" + n.Address }

// Owner is the URI of the owner.
func (n *Node) Owner() string { return n.Origin() + "/users/" + Username }

// Inbox is where others send what is for the owner.
func (n *Node) Inbox() string { return n.Owner() + "/inbox" }

// Exec starts the process and returns at once.
func (n *Node) Exec(ctx context.Context) error {
	_, err := n.exec(ctx)
	return err
}

// Start starts the process and returns when it says that it answers others and its owner.
func (n *Node) Start(ctx context.Context) error {
	out, err := n.exec(ctx)
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(out).ReadBytes('}'); err != nil {
		<-n.done
		return n.ended(ctx)
	}
	return nil
}

func (n *Node) ended(ctx context.Context) error {
	return errors.Join(ctx.Err(), fmt.Errorf("dunnock serve ended before it listened:\n%s", n.log.String()))
}

func (n *Node) socket() string { return filepath.Join(n.Dir, node.SocketName) }

func (n *Node) exec(ctx context.Context) (*os.File, error) {
	n.cmd = exec.CommandContext(ctx, n.Program, "--config", n.config(), "--log-level", "warn", "serve", "--json")
	n.log = new(tail)
	n.cmd.Stderr, n.cmd.SysProcAttr = n.log, attributes()
	// A pipe of our own: that of StdoutPipe is closed by Wait, maybe before it was read.
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	n.cmd.Stdout = in
	if err := n.cmd.Start(); err != nil {
		out.Close()
		n.cmd = nil
		return nil, fmt.Errorf("starting dunnock: %w", err)
	}
	n.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended is for whoever ended it
		out.Close()
		close(done)
	}(n.cmd, n.done)
	return out, nil
}

// Check has the program read all of the node's data (`dunnock check --deep`), whether it runs or not, and returns what it
// has to say if that is not well.
func (n *Node) Check(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, n.Program, "--config", n.config(), "check", "--deep").CombinedOutput()
	if err != nil {
		return fmt.Errorf("dunnock check --deep: %w\n%s", err, out)
	}
	return nil
}

package node_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// patience is how long a test waits for what other processes have to do: longer than a server that failed is left alone
// at first.
const patience = 40 * time.Second

// workshop is where the program is built, by the first test that needs it.
var workshop string

var built = sync.OnceValues(func() (program string, err error) {
	if workshop, err = os.MkdirTemp("", "dunnock"); err != nil {
		return "", err
	}
	program = filepath.Join(workshop, "dunnock")
	build := exec.Command("go", "build", "-o", program, "github.com/dunnock-server/dunnock/cmd/dunnock")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if workshop != "" {
		os.RemoveAll(workshop)
	}
	os.Exit(code)
}

// process is a node in a process of its own, and the command line of its owner.
type process struct {
	t       *testing.T
	program string
	config  string
	handle  string // with the leading @
	actor   string
	rules   hardening.Rules // that others are under, where a test looks at them
	serving *exec.Cmd
	log     bytes.Buffer // of serve, written while it runs
}

// start makes a node for a trial on a free port of loopback, and runs it until the test ends. Flags are further ones of init.
func start(t *testing.T, username string, flags ...string) *process {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatalf("building dunnock: %v", err)
	}
	dir, err := os.MkdirTemp("", "node") // not t.TempDir: the path of a unix socket is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address := freeAddress(t)
	p := &process{t: t, program: program, config: filepath.Join(dir, "dunnock.toml"),
		handle: "@" + username + "@" + address, actor: "http://" + address + "/users/" + username}
	p.run(nil, append([]string{"init", "--domain", address, "--username", username, "--listen", address, "--direct", "--unsafe"}, flags...)...)
	p.serve()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.handle, p.log.String())
		}
	})
	return p
}

// shows says whether others are shown a field of a kind of document, as it is.
func (p *process) shows(kind, field string) bool { return slices.Contains(p.rules.Fields[kind], field) }

// origin is where the node answers.
func (p *process) origin() string {
	origin, _, _ := strings.Cut(p.actor, "/users/")
	return origin
}

// freeAddress is an address of loopback where nobody listens: a node has to know its name before it listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + freeport.Text(t)
}

// serve runs the node, and returns when it listens.
func (p *process) serve() {
	p.t.Helper()
	p.serving = exec.Command(p.program, "--config", p.config, "--log-level", "debug", "serve", "--json")
	p.serving.Stderr = &p.log
	out, err := p.serving.StdoutPipe()
	if err == nil {
		err = p.serving.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.NewDecoder(out).Decode(&struct{}{}); err != nil {
		p.stop()
		p.t.Fatalf("serve does not say that it runs: %v\n%s", err, p.log.String())
	}
}

// stop ends the node as its owner would, and wants it to end well.
func (p *process) stop() {
	p.t.Helper()
	if p.serving == nil {
		return
	}
	if err := p.serving.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	if err := p.serving.Wait(); err != nil {
		p.t.Errorf("serve ended badly: %v", err)
	}
	p.serving = nil
}

// run is a command of the owner's that has to succeed. Its JSON goes into result unless that is nil.
func (p *process) run(result any, arguments ...string) {
	p.t.Helper()
	if err := p.try(result, arguments...); err != nil {
		p.t.Fatal(err)
	}
}

// try is run for a command that may fail; the error is what it says then.
func (p *process) try(result any, arguments ...string) error {
	command := exec.Command(p.program, append([]string{"--config", p.config}, append(arguments, "--json")...)...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return errors.New("dunnock " + strings.Join(arguments, " ") + ": " + err.Error() + "\n" + complaint.String())
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(out, result)
}

// eventually asks again and again, until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

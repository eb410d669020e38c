package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dunnock-server/dunnock/hardening/freeport"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dunnock": main})
}

// TestScript runs the program as people do. Beside testscript's own commands, scripts have
//
//	serve [ARGS]    start `dunnock ARGS serve` here and go on once it says that it runs; its URL is in $URL
//	quit [TERM]     end what serves here with INT or TERM, expect success, and have what it wrote in stdout and stderr
//	hup RE          have what serves here read its configuration anew, and go on once its log matches
//	await RE CMD    run a command until its output matches, or with ! until it does not, for half a minute at most
//	freeport NAME   set a variable to a port that nobody listens at
//	lock FILE       hold the lock of a data directory until the script ends
//	takeport ADDR   listen there until the script ends, unless somebody does already
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("DUNNOCK_CONFIG", "")
			env.Setenv("TZ", "UTC")
			env.Values[serversKey{}] = make(map[string]*server)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveInScript, "quit": quitInScript, "hup": hupInScript, "await": await, "freeport": freePort, "lock": lockFile, "takeport": takePort,
		},
		Condition:           peer,
		RequireExplicitExec: true,
	})
}

// peer is the condition [peer:PROGRAM]: that a program of others is there. Where peers are required it must be.
func peer(condition string) (bool, error) {
	program, ok := strings.CutPrefix(condition, "peer:")
	if !ok {
		return false, fmt.Errorf("no condition is called %q", condition)
	}
	_, err := exec.LookPath(program)
	if err != nil && os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
		return false, fmt.Errorf("install %s", program)
	}
	return err == nil, nil
}

// serversKey is where a script's nodes are kept, by directory.
type serversKey struct{}

// server is a node that a script runs.
type server struct {
	cmd         *exec.Cmd
	out         bytes.Buffer
	errs        locked
	outputEnded sync.WaitGroup
}

// locked is a buffer that is read while it is written.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

func serveInScript(ts *testscript.TestScript, neg bool, args []string) {
	servers, here := ts.Value(serversKey{}).(map[string]*server), ts.MkAbs(".")
	if neg || servers[here] != nil {
		ts.Fatalf("usage: serve [ARGS], one in a directory; what should fail is run with exec")
	}
	s := &server{cmd: exec.Command("dunnock", append(args, "serve")...)}
	servers[here] = s
	s.cmd.Dir, s.cmd.Stderr = here, &s.errs
	s.cmd.Env = environment(ts)
	pipe, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	ts.Defer(func() {
		if servers[here] == s { // the script failed before stop
			_ = s.cmd.Process.Kill()
			s.outputEnded.Wait()
			_ = s.cmd.Wait()
			ts.Logf("serve:\n%s%s", s.out.String(), s.errs.Bytes())
		}
	})
	out := bufio.NewReader(pipe)
	first, err := out.ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(first), " runs at ")
	if err != nil || !ok {
		ts.Fatalf("serve said %q, %v", first, err)
	}
	ts.Setenv("URL", url)
	s.out.WriteString(first)
	s.outputEnded.Go(func() { _, _ = io.Copy(&s.out, out) })
}

func environment(ts *testscript.TestScript) (env []string) {
	for _, name := range []string{"PATH", "HOME", "TZ", "DUNNOCK_CONFIG", "TMPDIR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

func hupInScript(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serversKey{}).(map[string]*server)[ts.MkAbs(".")]
	if neg || len(args) != 1 || s == nil {
		ts.Fatalf("usage: hup RE, where something serves")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	before := len(s.errs.Bytes())
	ts.Check(s.cmd.Process.Signal(syscall.SIGHUP))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if want.Match(s.errs.Bytes()[before:]) {
			return
		}
	}
	ts.Fatalf("in vain:\n%s", s.errs.Bytes()[before:])
}

func quitInScript(ts *testscript.TestScript, neg bool, args []string) {
	servers, here := ts.Value(serversKey{}).(map[string]*server), ts.MkAbs(".")
	s, signal := servers[here], syscall.SIGINT
	switch strings.Join(args, " ") {
	case "":
	case "TERM":
		signal = syscall.SIGTERM
	default:
		ts.Fatalf("usage: quit [TERM]")
	}
	if neg || s == nil {
		ts.Fatalf("quit: nothing is served here")
	}
	ts.Check(s.cmd.Process.Signal(signal))
	s.outputEnded.Wait() // Wait closes the pipe
	err := s.cmd.Wait()
	delete(servers, here)
	_, _ = ts.Stdout().Write(s.out.Bytes())
	_, _ = ts.Stderr().Write(s.errs.Bytes())
	ts.Check(err)
}

// await takes its pace from the command: each run opens a connection to the node.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] await RE CMD [ARGS]")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	var out bytes.Buffer
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		out.Reset()
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = ts.MkAbs("."), &out, &out, environment(ts)
		if err := cmd.Run(); err == nil && want.Match(out.Bytes()) != neg {
			return
		}
	}
	ts.Fatalf("in vain:\n%s", out.String())
}

func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	port, err := freeport.Find()
	ts.Check(err)
	ts.Defer(func() { port.Close() })
	ts.Setenv(args[0], strconv.Itoa(int(port.Number)))
}

func lockFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lock FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	ts.Check(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	ts.Defer(func() { _ = f.Close() })
}

func takePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: takeport ADDRESS")
	}
	ln, err := net.Listen("tcp", args[0])
	if errors.Is(err, syscall.EADDRINUSE) {
		return
	}
	ts.Check(err)
	ts.Defer(func() { _ = ln.Close() })
}

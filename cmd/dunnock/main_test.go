package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dunnock": main})
}

// TestScript runs the program as people do. Beside testscript's own commands, scripts have
//
//	serve [ARGS]    start `dunnock ARGS serve` and go on once it says that it runs; its URL is in $URL
//	stop [SIGNAL]   end it with INT, or with another signal, expect success, and have what it wrote in stdout and stderr
//	freeport NAME   set a variable to a port that nobody listens at
//	takeport ADDR   listen there until the script ends, unless somebody does already
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("DUNNOCK_CONFIG", "")
			env.Setenv("TZ", "UTC")
			env.Values[serverKey{}] = new(server)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveInScript, "stop": stopInScript, "freeport": freePort, "takeport": takePort,
		},
		RequireExplicitExec: true,
	})
}

type serverKey struct{}

// server is the node that a script runs; the zero value none.
type server struct {
	cmd         *exec.Cmd
	out, errs   bytes.Buffer
	outputEnded sync.WaitGroup
}

func serveInScript(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	if neg || s.cmd != nil {
		ts.Fatalf("usage: serve [ARGS], one at a time; what should fail is run with exec")
	}
	*s = server{cmd: exec.Command("dunnock", append(args, "serve")...)}
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), &s.errs
	for _, name := range []string{"PATH", "HOME", "TZ", "DUNNOCK_CONFIG", "TMPDIR"} {
		s.cmd.Env = append(s.cmd.Env, name+"="+ts.Getenv(name))
	}
	pipe, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	ts.Defer(func() {
		if s.cmd != nil {
			_ = s.cmd.Process.Kill() // the script failed before stop
			_ = s.cmd.Wait()
			ts.Logf("serve:\n%s%s", s.out.String(), s.errs.String())
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

func stopInScript(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	signal := syscall.SIGINT
	switch strings.Join(args, " ") {
	case "":
	case "TERM":
		signal = syscall.SIGTERM
	default:
		ts.Fatalf("usage: stop [TERM]")
	}
	if neg || s.cmd == nil {
		ts.Fatalf("stop: nothing is served")
	}
	ts.Check(s.cmd.Process.Signal(signal))
	s.outputEnded.Wait() // Wait closes the pipe
	err := s.cmd.Wait()
	s.cmd = nil
	_, _ = ts.Stdout().Write(s.out.Bytes())
	_, _ = ts.Stderr().Write(s.errs.Bytes())
	ts.Check(err)
}

func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	ts.Check(err)
	ts.Check(ln.Close())
	ts.Setenv(args[0], port)
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

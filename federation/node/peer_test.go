package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const fedify = "../../testdata/fedify"

// args are the arguments of a control of the peer.
type args = map[string]any

// peer is another server, Fedify in a process of its own. What it can be told and asked is in testdata/fedify.
type peer struct {
	t              *testing.T
	Origin, Handle string
	Actor          string
	scheme         string // that its requests are signed in
	process        *exec.Cmd
	input          io.Closer // at its end the peer ends
	log            bytes.Buffer
}

// needPeer skips the test where there is nothing to run a peer with.
func needPeer(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(fedify, "node_modules"))
	}
	switch {
	case err == nil:
	case os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1":
		t.Fatalf("the peer is missing: install Node 20, then npm ci --prefix testdata/fedify: %v", err)
	default:
		t.Skip("the peer is missing: install Node 20, then npm ci --prefix testdata/fedify")
	}
}

// startPeer runs a peer until the test ends.
func startPeer(t *testing.T, user, scheme string, more ...string) *peer {
	t.Helper()
	arguments := append([]string{filepath.Join(fedify, "peer.mjs"), "--user", user, "--first-knock", scheme}, more...)
	p := &peer{t: t, scheme: scheme, process: exec.Command("node", arguments...)}
	p.process.Stderr = &p.log
	input, err := p.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = input
	out, err := p.process.StdoutPipe()
	if err == nil {
		err = p.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.Handle, p.log.String())
		}
	})
	if err := json.NewDecoder(out).Decode(p); err != nil {
		t.Fatalf("the peer does not say that it runs: %v\n%s", err, p.log.String())
	}
	return p
}

// stop ends the peer.
func (p *peer) stop() {
	p.t.Helper()
	if p.input == nil {
		return
	}
	p.input.Close()
	p.input = nil
	if err := p.process.Wait(); err != nil {
		p.t.Errorf("the peer ended badly: %v", err)
	}
}

// tell makes the peer do something, and returns what it says of it. Activities it sends have been taken by every inbox.
func (p *peer) tell(name string, arguments args) args {
	p.t.Helper()
	answer, err := p.attempt(name, arguments)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// attempt is tell for what the peer may fail at.
func (p *peer) attempt(name string, arguments args) (answer args, err error) {
	body, err := json.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	res, err := http.Post(p.Origin+"/control/"+name, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	err = decode(name, res, &answer)
	return answer, err
}

// cannotRead wants the peer to get nothing at an address. It then takes its scheme for the cause, and is told otherwise.
func (p *peer) cannotRead(uri string) {
	p.t.Helper()
	if _, err := p.attempt("lookup", args{"url": uri}); err == nil {
		p.t.Errorf("the peer can read %s", uri)
	}
	p.tell("scheme", args{"firstKnock": p.scheme})
}

// ask reads something of the peer's.
func (p *peer) ask(name string, query url.Values, answer any) {
	p.t.Helper()
	res, err := http.Get(p.Origin + "/control/" + name + "?" + query.Encode())
	if err == nil {
		err = decode(name, res, answer)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func decode(name string, res *http.Response, into any) error {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("the peer's control %s: %w", name, err)
	}
	return nil
}

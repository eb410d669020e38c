package layout

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/dunnock-server/dunnock/"

// rooms are all packages, each with those of ours that it may import, and why no others. Imports go one way: leaves, then
// what is made of them, then the service, then its surfaces, then the node, then the command.
var rooms = map[string]struct{ may, why string }{
	"storage":                   {"", "a leaf: records know nothing of who uses them"},
	"storage/backup":            {"storage", "it copies records and files, and knows nothing of who uses them"},
	"storage/faultdisk":         {"", "a leaf: a disk for tests, which no other package may be built on"},
	"storage/storagetest":       {"storage", "it fills a database, for tests and load programs"},
	"federation/vocab":          {"", "a leaf, so that a library could take its place"},
	"federation/httpsig":        {"", "a leaf: signatures know nothing of actors"},
	"hardening/dns":             {"", "a leaf: messages, whoever carries them"},
	"hardening/hostname":        {"", "a leaf: policy, queue and resolver must all mean the same host"},
	"hardening/pipenet":         {"", "a leaf: connections in memory, for tests"},
	"hardening/freeport":        {"", "a leaf: ports for the programs of tests"},
	"hardening/redact":          {"", "a leaf: plain JSON in and out, so that nothing can slip a field past it"},
	"hardening/sanitize":        {"hardening/hostname", "a leaf but for the one form of a host"},
	"hardening/media":           {"", "a leaf: bytes in and out"},
	"hardening/timing":          {"", "a leaf: pure functions, so that simulation and worker run the same"},
	"hardening/egress":          {"hardening/hostname", "it dials, and knows nothing of what for"},
	"hardening/egress/proxy":    {"hardening/egress hardening/egress/tor", "bytes over a connection that egress made; tor only says how it is"},
	"hardening/egress/tor":      {"hardening/egress", "lines over a connection that egress made"},
	"hardening/ingress":         {"hardening/egress", "it listens, and knows nothing of what for; it asks by egress whether a control socket is in use"},
	"hardening/ingress/certs":   {"hardening/dns hardening/egress hardening/hostname", "requests by a transport that it is given; egress only says that there is no way"},
	"hardening/exposure":        {"storage", "the ledger is kept in storage; nothing else of hardening is"},
	"hardening/observer":        {"", "a leaf: times in, figures out: it must not know more than an observer does"},
	"hardening":                 {"hardening/dns hardening/egress hardening/exposure hardening/hostname hardening/redact", "the gate holds no keys and reads no records"},
	"federation/wire":           {"federation/httpsig federation/vocab hardening/hostname hardening/sanitize hardening/timing storage", "pure: records and documents, no I/O"},
	"federation/resolve":        {"federation/httpsig federation/vocab federation/wire hardening hardening/egress hardening/hostname hardening/sanitize storage", "it asks others, and decides nothing about what follows"},
	"federation/delivery":       {"federation/httpsig federation/vocab hardening hardening/egress hardening/hostname hardening/redact storage", "it carries acts, and makes none"},
	"federation/inbox":          {"federation/delivery federation/httpsig federation/resolve federation/vocab federation/wire hardening hardening/hostname hardening/sanitize hardening/timing storage", "what comes in cannot reach what the owner does"},
	"federation/retention":      {"hardening/exposure storage", "it removes what is old, and has no way to ask for anything"},
	"federation":                {"federation/documents federation/delivery federation/resolve federation/vocab federation/wire hardening hardening/egress hardening/media hardening/timing storage", "the owner's acts; served by the surfaces, never the other way"},
	"federation/discovery":      {"federation/vocab federation/wire hardening hardening/hostname", "what is found without a key goes through the gate"},
	"federation/documents":      {"federation/resolve federation/vocab federation/wire hardening hardening/hostname storage", "what is served goes through the gate"},
	"federation/metrics":        {"", "a leaf: figures in, text out"},
	"federation/control":        {"federation federation/metrics hardening/egress hardening/ingress hardening/ingress/certs storage", "it decodes, calls and encodes; of what is below federation it has the types that the owner is told"},
	"federation/node":           {"federation federation/control federation/delivery federation/discovery federation/documents federation/inbox federation/metrics federation/resolve federation/retention federation/wire hardening hardening/egress hardening/exposure hardening/hostname hardening/ingress hardening/ingress/certs hardening/sanitize hardening/timing storage storage/backup", "wiring"},
	"federation/federationtest": {"federation federation/control federation/node hardening hardening/egress hardening/pipenet hardening/timing storage", "several nodes in one process, for tests"},
	"cmd/internal/config":       {"federation/node federation/retention hardening hardening/egress hardening/egress/proxy hardening/egress/sshlink hardening/egress/tor hardening/egress/wireguard hardening/hostname hardening/ingress hardening/ingress/certs hardening/redact hardening/timing", "the file, and the node it describes"},
	"cmd/internal/layout":       {"", "tests only"},
	"cmd/internal/trace":        {"hardening/timing", "tables in and out"},
	"cmd/internal/relayconfig":  {"cmd/internal/config hardening/egress hardening/relay", "the relay's file, and the faults of the node's"},
	"cmd/dunnock":               {"cmd/internal/config cmd/internal/relayconfig cmd/internal/trace federation federation/control federation/metrics federation/node hardening/egress hardening/ingress hardening/ingress/certs hardening/observer hardening/relay hardening/timing storage storage/backup", "thin: parse, call, print"},

	"hardening/egress/wireguard": {"hardening/dns hardening/egress", "packets over sockets that egress made; its network stack has no other way out"},

	"hardening/egress/sshlink": {"hardening/egress", "channels over a connection that egress made"},
	"hardening/relay":          {"hardening/egress hardening/ingress", "the far end: it knows nothing of a node, and of the network only what those two open"},

	"hardening/egress/tor/tortest": {"hardening/freeport", "a tor network for tests, which no other package may be built on"},

	"cmd/dunnock/internal/capture":     {"", "packets of a file, judged: it sees the node from outside"},
	"cmd/dunnock-load":                 {"cmd/dunnock-load/internal/bare cmd/dunnock-load/internal/child cmd/dunnock-load/internal/far cmd/dunnock-load/internal/fleet cmd/dunnock-load/internal/gauge cmd/dunnock-load/internal/volley cmd/internal/config federation federation/control storage storage/storagetest", "the node under load is another process, reached as others and its owner reach it"},
	"cmd/dunnock-load/internal/bare":   {"cmd/dunnock-load/internal/gauge", "the least that can deliver, as a process of its own"},
	"cmd/dunnock-load/internal/child":  {"cmd/internal/config federation/control federation/node hardening/freeport", "it runs the program, and knows where its files are"},
	"cmd/dunnock-load/internal/far":    {"cmd/internal/config cmd/internal/relayconfig hardening/freeport", "the far ends of relays are other people's programs"},
	"cmd/dunnock-load/internal/fleet":  {"federation/httpsig", "servers that are not dunnock"},
	"cmd/dunnock-load/internal/gauge":  {"", "processes and processor time"},
	"cmd/dunnock-load/internal/volley": {"federation/httpsig", "bytes over connections"},
}

// doors are the identifiers that open sockets, ask for names or use the process's own client, and the packages that may
// use them.
var doors = map[string][]string{
	"net":        {"Dial*", "Listen", "ListenTCP", "ListenUDP", "ListenIP", "ListenUnix", "ListenUnixgram", "ListenPacket", "ListenMulticastUDP", "Lookup*", "Dialer", "ListenConfig", "Resolver", "DefaultResolver", "File*"},
	"net/http":   {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "Client", "Transport", "ListenAndServe*", "Serve", "ServeTLS", "Server", "ProxyFromEnvironment"},
	"crypto/tls": {"Dial*", "Dialer", "Listen", "NewListener"},
	"syscall":    {"Socket", "Connect", "Bind", "Listen", "Sendto"},
	"os/exec":    {"*"},
	"net/rpc":    {"*"}, "net/smtp": {"*"}, "net/http/httputil": {"*"}, "net/http/cookiejar": {"*"}, "net/http/pprof": {"*"},
	"golang.org/x/sys/unix": {"*"}, "golang.org/x/net/proxy": {"*"}, "golang.org/x/net/http2": {"*"},
	"golang.zx2c4.com/wireguard/conn": {"New*"}, "golang.zx2c4.com/wireguard/ipc": {"*"},
	"golang.org/x/net/websocket": {"*"}, "golang.org/x/crypto/ssh": {"Dial"}, "golang.org/x/crypto/ssh/agent": {"*"},
}

// openers are the two packages that may open doors.
var openers = []string{"hardening/egress", "hardening/ingress"}

// lent is what opens a door only for who does not say by what it is to go.
var lent = map[string]string{
	"hardening/ingress/certs": "net/http.Client", // for acmez, around a transport that it is given and must have
}

// world are the packages that play the other machines of a trial, each with the doors that it opens and no others. They lie
// below a command's internal folder, or no room may import them, so that no package of a node can.
var world = map[string][]string{
	"hardening/egress/tor/tortest": {"net.Dial", "net.ListenPacket", "os/exec"}, // a tor network, and its name server
	"hardening/freeport":           {"net.Listen", "net.ListenPacket"},          // to see that nobody listens

	"cmd/dunnock-load/internal/bare":   {"os/exec", "net/http.Client", "net/http.Transport"}, // what a node's deliveries are compared with
	"cmd/dunnock-load/internal/child":  {"os/exec"},                                          // the node is a process
	"cmd/dunnock-load/internal/far":    {"net.Dial", "os/exec"},                              // relays' far ends are processes
	"cmd/dunnock-load/internal/fleet":  {"net.ListenTCP", "net/http.Server"},                 // the servers that a node federates with
	"cmd/dunnock-load/internal/gauge":  {"golang.org/x/sys/unix"},                            // processor time: no socket
	"cmd/dunnock-load/internal/volley": {"net.Dialer"},                                       // what those servers send to the node
}

type pkg struct {
	Dir, ImportPath string
	Imports         []string
	GoFiles         []string
}

// packages lists the module's packages without their tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,Imports,GoFiles", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %s", failed.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		list = append(list, p)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		room, ok := rooms[p.ImportPath]
		if !ok {
			t.Errorf("%s has no rule here: say what it may import, and why", p.ImportPath)
			continue
		}
		seen[p.ImportPath] = true
		for _, path := range p.Imports {
			path, ours := strings.CutPrefix(path, module)
			if ours && !slices.Contains(strings.Fields(room.may), path) {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, room.why)
			}
		}
	}
	for name, room := range rooms {
		for _, path := range append(strings.Fields(room.may), name) {
			if !seen[path] {
				t.Errorf("the rule of %s names %s, which is no package", name, path)
			}
		}
	}
}

func TestOneDoor(t *testing.T) {
	found := map[string]bool{}
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			for _, use := range uses(t, filepath.Join(p.Dir, name)) {
				found[p.ImportPath], found[p.ImportPath+" "+use] = true, true
				if !slices.Contains(openers, p.ImportPath) && !slices.Contains(world[p.ImportPath], use) && lent[p.ImportPath] != use {
					t.Errorf("%s/%s uses %s: only %s open sockets", p.ImportPath, name, use, strings.Join(openers, " and "))
				}
			}
		}
	}
	for _, name := range openers {
		if !found[name] {
			t.Errorf("%s opens no socket: the rule has lost its sense", name)
		}
	}
	for name, use := range lent {
		if !found[name+" "+use] {
			t.Errorf("%s has no use of %s: the exception has lost its sense", name, use)
		}
	}
	for name, doors := range world {
		for _, door := range doors {
			if !found[name+" "+door] {
				t.Errorf("%s does not use %s: the exception has lost its sense", name, door)
			}
		}
	}
}

// uses lists the doors that a file names.
func uses(t *testing.T, path string) (list []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // local name to import path
	for _, imp := range file.Imports {
		full, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if doors[full] == nil {
			continue
		}
		local := full[strings.LastIndex(full, "/")+1:]
		if imp.Name != nil {
			local = imp.Name.Name
		}
		if local == "." || local == "_" || slices.Contains(doors[full], "*") {
			list = append(list, full)
		}
		names[local] = full
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && opens(names[id.Name], sel.Sel.Name) {
			list = append(list, names[id.Name]+"."+sel.Sel.Name)
		}
		return true
	})
	return list
}

// opens says whether an identifier of a package is a door.
func opens(path, name string) bool {
	return slices.ContainsFunc(doors[path], func(pattern string) bool {
		prefix, many := strings.CutSuffix(pattern, "*")
		return name == pattern || many && prefix != "" && strings.HasPrefix(name, prefix)
	})
}

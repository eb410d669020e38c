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
	"hardening/hostname":        {"", "a leaf: policy, queue and resolver must all mean the same host"},
	"hardening/redact":          {"", "a leaf: plain JSON in and out, so that nothing can slip a field past it"},
	"hardening/sanitize":        {"hardening/hostname", "a leaf but for the one form of a host"},
	"hardening/media":           {"", "a leaf: bytes in and out"},
	"hardening/timing":          {"", "a leaf: pure functions, so that simulation and worker run the same"},
	"hardening/egress":          {"hardening/hostname", "it dials, and knows nothing of what for"},
	"hardening/ingress":         {"hardening/egress", "it listens, and knows nothing of what for; it asks by egress whether a control socket is in use"},
	"hardening/exposure":        {"storage", "the ledger is kept in storage; nothing else of hardening is"},
	"hardening":                 {"hardening/egress hardening/exposure hardening/hostname hardening/redact", "the gate holds no keys and reads no records"},
	"federation/wire":           {"federation/httpsig federation/vocab hardening/hostname hardening/sanitize hardening/timing storage", "pure: records and documents, no I/O"},
	"federation/resolve":        {"federation/httpsig federation/vocab federation/wire hardening hardening/egress hardening/hostname hardening/sanitize storage", "it asks others, and decides nothing about what follows"},
	"federation/delivery":       {"federation/httpsig federation/vocab hardening hardening/egress hardening/hostname hardening/redact storage", "it carries acts, and makes none"},
	"federation/inbox":          {"federation/delivery federation/resolve federation/vocab federation/wire hardening hardening/hostname hardening/sanitize hardening/timing storage", "what comes in cannot reach what the owner does"},
	"federation/retention":      {"hardening/exposure storage", "it removes what is old, and has no way to ask for anything"},
	"federation":                {"federation/documents federation/delivery federation/resolve federation/vocab federation/wire hardening hardening/egress hardening/media hardening/timing storage", "the owner's acts; served by the surfaces, never the other way"},
	"federation/discovery":      {"federation/vocab federation/wire hardening hardening/hostname", "what is found without a key goes through the gate"},
	"federation/documents":      {"federation/resolve federation/vocab federation/wire hardening hardening/hostname storage", "what is served goes through the gate"},
	"federation/control":        {"federation hardening/egress storage", "it decodes, calls and encodes"},
	"federation/node":           {"federation federation/control federation/delivery federation/discovery federation/documents federation/inbox federation/resolve federation/retention federation/wire hardening hardening/egress hardening/exposure hardening/hostname hardening/ingress hardening/sanitize hardening/timing storage storage/backup", "wiring"},
	"federation/federationtest": {"federation federation/control federation/node hardening hardening/egress hardening/timing storage", "several nodes in one process, for tests"},
	"cmd/internal/config":       {"federation/node federation/retention hardening hardening/egress hardening/hostname hardening/ingress hardening/timing", "the file, and the node it describes"},
	"cmd/internal/layout":       {"", "tests only"},
	"cmd/dunnock":               {"cmd/internal/config federation federation/control federation/node hardening/egress hardening/ingress storage storage/backup", "thin: parse, call, print"},

	"cmd/dunnock-load":                 {"cmd/dunnock-load/internal/child cmd/dunnock-load/internal/fleet cmd/dunnock-load/internal/gauge cmd/dunnock-load/internal/volley federation federation/control storage storage/storagetest", "the node under load is another process, reached as others and its owner reach it"},
	"cmd/dunnock-load/internal/child":  {"cmd/internal/config federation/control federation/node hardening/egress", "it runs the program, and knows where its files are"},
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
	"golang.org/x/net/websocket": {"*"}, "golang.org/x/crypto/ssh": {"*"},
}

// openers are the two packages that may open doors.
var openers = []string{"hardening/egress", "hardening/ingress"}

// world are the programs that play the other machines of a trial. They open what they like: no package of a node can import
// them, since they are commands, and what is below their internal folder is theirs alone.
var world = []string{"cmd/dunnock-load"}

// elsewhere says whether a package is part of such a program.
func elsewhere(path string) bool {
	return slices.ContainsFunc(world, func(program string) bool {
		return path == program || strings.HasPrefix(path, program+"/internal/")
	})
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
		if elsewhere(p.ImportPath) {
			continue
		}
		for _, name := range p.GoFiles {
			for _, use := range uses(t, filepath.Join(p.Dir, name)) {
				found[p.ImportPath] = true
				if !slices.Contains(openers, p.ImportPath) {
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
	for _, name := range world {
		if _, ok := rooms[name]; !ok {
			t.Errorf("the rule for the world names %s, which is no package", name)
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

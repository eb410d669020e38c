package hardening_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports: the gate decides, and leaves storage to the ledger, sockets to egress and signatures to whoever hands them
// in.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	const own = "github.com/dunnock-server/dunnock/"
	allowed := map[string]bool{own + "hardening/dns": true, own + "hardening/egress": true, own + "hardening/exposure": true, own + "hardening/hostname": true,
		own + "hardening/redact": true, "golang.org/x/net/dns/dnsmessage": true} // the form of a look-up: no socket
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			first, _, _ := strings.Cut(path, "/")
			if library := strings.Contains(first, "."); library && !allowed[path] || path == "net" || path == "crypto/tls" || path == "os" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

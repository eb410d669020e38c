package relayconfig

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/crypto/ssh"
)

// WriteKey makes an Ed25519 key and writes it to a file of mode 0600, in OpenSSH's form. It never overwrites one: the error then
// is [fs.ErrExist].
func WriteKey(path string) (ssh.Signer, error) {
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(secret, "")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(pem.EncodeToMemory(block))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return ssh.NewSignerFromKey(secret)
}

// HostKeySigner reads the host key, or makes it.
func (c *Config) HostKeySigner() (ssh.Signer, error) {
	info, err := os.Stat(c.HostKey)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return WriteKey(c.HostKey)
	case err != nil:
		return nil, err
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("others may read the host key: run chmod 600 %s", c.HostKey)
	}
	data, err := os.ReadFile(c.HostKey)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not a private key of SSH without a passphrase: name another file as host_key, and one is made", c.HostKey)
	}
	return signer, nil
}

// Line is a public key in one line, as configurations have it.
func Line(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }

// Entry is what lets a key in: with `dunnock relay serve`, lines for relay.toml.
func Entry(k ssh.PublicKey, port uint16) string {
	return fmt.Sprintf("[[key]]\nname = \"home\"\npublic = %q\nports = [%d]", Line(k), port)
}

// Authorized is what lets a key in with a plain sshd: a line for authorized_keys. It may forward, to port 443 of any host and
// from one port, and nothing else.
func Authorized(k ssh.PublicKey, port uint16) string {
	return fmt.Sprintf(`restrict,port-forwarding,permitopen="*:443",permitlisten="%d" %s`, port, Line(k))
}

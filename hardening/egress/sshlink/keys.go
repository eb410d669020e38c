package sshlink

import (
	"errors"

	"golang.org/x/crypto/ssh"
)

// ParseIdentity reads a private key without a passphrase, in the form of OpenSSH or PKCS#1, PKCS#8 or SEC 1 in PEM.
func ParseIdentity(pem []byte) (ssh.Signer, error) {
	key, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, errors.New("the key has a passphrase: make one without, by `dunnock relay keygen`")
	case err != nil:
		return nil, errors.New("not a private key of SSH: make one by `dunnock relay keygen`")
	}
	return key, nil
}

// ParseHostKey reads a public key in the form "ssh-ed25519 AAAA…", a comment after it allowed.
func ParseHostKey(line string) (ssh.PublicKey, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return nil, errors.New(`not a public key of SSH: write "ssh-ed25519 AAAA…", as ssh-keyscan and the relay's ssh_host_ed25519_key.pub have it`)
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return nil, errors.New("a certificate, not a key: write the host's own key")
	}
	return key, nil
}

// Package gauge measures processes of this machine, as Linux tells about them, and what the yardstick costs: one RSA-2048
// signature and one verification, on this machine and at this moment. It changes nothing.
package gauge

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
	"time"
)

// Size is how much a process holds.
type Size struct {
	RSS, Anonymous, Peak int64 // bytes: resident, of that not backed by a file, and the most that was ever resident
	Threads, Descriptors int
}

// RSA is what one operation with a key of 2,048 bits costs in processor time: the least that a signed exchange can cost.
type RSA struct{ Sign, Verify time.Duration }

// MeasureRSA takes about half a second.
func MeasureRSA() (r RSA, err error) {
	const signatures, verifications = 100, 2000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return r, fmt.Errorf("making a key: %w", err)
	}
	sum := sha256.Sum256([]byte("what is signed"))
	var signature []byte
	begin, err := threadCPU()
	if err != nil {
		return r, err
	}
	for range signatures {
		if signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]); err != nil {
			return r, fmt.Errorf("signing: %w", err)
		}
	}
	between, err := threadCPU()
	if err != nil {
		return r, err
	}
	for range verifications {
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			return r, fmt.Errorf("verifying: %w", err)
		}
	}
	end, err := threadCPU()
	return RSA{(between - begin) / signatures, (end - between) / verifications}, err
}

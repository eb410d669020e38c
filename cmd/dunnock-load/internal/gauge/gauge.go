// Package gauge measures processes of this machine, as Linux tells about them, and what the yardstick costs: one RSA-2048
// signature and one verification, on this machine and at this moment. It changes nothing.
package gauge

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Size is how much a process holds.
type Size struct {
	RSS, Anonymous, Peak int64 // bytes: resident, of that not backed by a file, and the most that was ever resident
	Threads, Descriptors int
	Sockets              int // of the descriptors
}

// RSA is what one operation with a key of 2,048 bits costs in processor time: the least that a signed exchange can cost.
type RSA struct{ Sign, Verify time.Duration }

// MeasureRSA measures on all processors at once, which is how a node works under load: two that share a core are slower
// than one of them alone. It takes about half a second.
func MeasureRSA() (RSA, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return RSA{}, fmt.Errorf("making a key: %w", err)
	}
	costs, faults := make([]RSA, runtime.GOMAXPROCS(0)), make([]error, runtime.GOMAXPROCS(0))
	var measuring sync.WaitGroup
	for i := range costs {
		measuring.Go(func() { costs[i], faults[i] = measureRSA(key) })
	}
	measuring.Wait()
	var mean RSA
	for _, c := range costs {
		mean.Sign += c.Sign / time.Duration(len(costs))
		mean.Verify += c.Verify / time.Duration(len(costs))
	}
	return mean, errors.Join(faults...)
}

func measureRSA(key *rsa.PrivateKey) (r RSA, err error) {
	const signatures, verifications = 200, 4000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sum := sha256.Sum256([]byte("what is signed"))
	var signature []byte
	begun, err := threadCPU()
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
	return RSA{(between - begun) / signatures, (end - between) / verifications}, err
}

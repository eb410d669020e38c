package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

// trialUsername is the owner's in a trial.
const trialUsername = "owner"

// startTrial makes a node that lives on loopback alone. Its address is its identity: what is free now stays its own.
func (m *Main) startTrial(ctx context.Context, path string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	if address != config.DefaultListen {
		m.errors().f("%s is taken by another program; this trial uses %s.", config.DefaultListen, address)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("making the trial's directory: %w", err)
	}
	wanted := config.Config{Domain: address, Username: trialUsername, Data: ".", Listen: config.Listen{Address: address}}
	direct(&wanted)
	unsafe(&wanted)
	_, err = m.create(ctx, path, wanted)
	return err
}

// direct lets a node dial from this machine.
func direct(c *config.Config) {
	c.Relays = []config.Relay{{Name: "plain", Kind: config.KindDirect}}
	c.Egress = &config.Egress{Relays: []string{"plain"}}
}

// unsafe makes a node one for trials: it speaks plain http, and with this machine.
func unsafe(c *config.Config) {
	c.Unsafe = &config.Unsafe{HTTP: true, Addresses: []string{"127.0.0.0/8"}}
}

// freeAddress is the usual address, or one with a port that the system picks when another program listens there.
func freeAddress() (string, error) {
	for _, address := range []string{config.DefaultListen, "127.0.0.1:0"} {
		ln, err := ingress.Listen(ingress.Config{Address: address})
		if errors.Is(err, ingress.ErrInUse) {
			continue
		} else if err != nil {
			return "", fmt.Errorf("looking for a free port: %w", err)
		}
		address = ln.Addr().String()
		return address, ln.Close()
	}
	return "", errors.New("no port is free on 127.0.0.1")
}

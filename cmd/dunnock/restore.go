package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"filippo.io/age"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/node"
)

func (m *Main) restoreCommand() *cli.Command {
	return &cli.Command{
		Name: "restore", Category: catNode, Usage: "bring a node back from a backup",
		UsageText: "dunnock [--config FILE] restore [OPTIONS] FILE",
		Description: "Puts database, keys and pictures where the configuration says, or with --into makes a whole node in another " +
			"directory, with the configuration that is in the backup. Nothing is overwritten: where there is a node already, move it away " +
			"first. FILE is - for standard input. Everything is unpacked and verified before anything is put in place; a backup " +
			"that is damaged or cut short changes nothing. What happened since the backup is lost to the node while other servers " +
			"still know it. Never run the same node twice." +
			examples("dunnock restore --identity ~/dunnock-key.txt dunnock-2026-11-23.age",
				"dunnock restore --dry-run --into /tmp/trial dunnock-2026-11-23.age",
				"ssh b cat dunnock.age | dunnock restore --passphrase-file words -"),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "identity", Usage: "open it with the private keys in `FILE`, as age-keygen writes it; without, a passphrase is asked for"},
			passphraseFlag(),
			&cli.StringFlag{Name: "into", Usage: "make `DIR`/dunnock.toml and DIR/data, whatever the configuration here says"},
			&cli.BoolFlag{Name: "dry-run", Usage: "unpack and verify all of it, say what is in it, and remove it again"},
			jsonFlag(),
		},
		Action: m.restore,
	}
}

// errDry ends a restoration that only verifies.
var errDry = errors.New("verified")

func (m *Main) restore(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	at, err := m.place(c.String("into"))
	if err != nil {
		return err
	}
	file, in := args[0], m.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return usagef("%v", err)
		}
		defer f.Close()
		in = f
	} else if !c.IsSet("identity") && !c.IsSet("passphrase-file") {
		return usagef("a backup from standard input needs --identity or --passphrase-file")
	}
	with, err := m.identities(c)
	if err != nil {
		return err
	}
	if at.whole && !exists(filepath.Dir(at.config)) {
		defer os.Remove(filepath.Dir(at.config)) // if nothing came to be in it
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f, ok := in.(*os.File); ok {
		progress, finished := m.progress("Reading")
		defer finished()
		if info, err := f.Stat(); err == nil && progress != nil {
			in = &counted{f, 0, info.Size(), progress}
		}
	}
	var found *node.Restored
	_, err = node.Restore(ctx, in, with, at.data, func(r *node.Restored) error {
		if found = r; at.identity != "" && r.Identity != at.identity {
			return fmt.Errorf("the backup is that of another node than %s describes: restore it with --into", at.config)
		}
		if c.Bool("dry-run") {
			return errDry
		}
		return nil
	})
	switch {
	case errors.Is(err, errDry):
	case err != nil && ctx.Err() != nil:
		return errors.New("interrupted: nothing was restored")
	case errors.Is(err, node.ErrExists), errors.Is(err, node.ErrFiles), errors.Is(err, node.ErrLocked):
		return fmt.Errorf("%s: %w; nothing was restored", at.data, err)
	case err != nil:
		return fmt.Errorf("restoring %s: %w; nothing was restored", file, err)
	default:
		if err := at.write(found.Config); err != nil {
			return fmt.Errorf("the node is in %s, but its configuration could not be written: %w", at.data, err)
		}
	}
	return m.restored(c, at, found)
}

// restored says what was in a backup.
func (m *Main) restored(c *cli.Context, at *home, r *node.Restored) error {
	if c.Bool("json") {
		return m.page().json(struct {
			*node.Restored
			Data   string `json:"data"`
			DryRun bool   `json:"dry_run"`
		}{r, at.data, c.Bool("dry-run")})
	}
	p := m.page()
	p.f("Made %s: %d rows and %d pictures, all there and unchanged.", when(r.MadeAt), r.Rows, r.Files)
	p.faults(r.Faults)
	if c.Bool("dry-run") {
		p.f("Nothing was restored.")
		return nil
	}
	p.f("Restored to %s.", at.data)
	p.lines("", "Start it with `dunnock --config "+at.config+" serve`, once you are sure that it runs nowhere else.")
	return nil
}

// home is where a node is to be.
type home struct {
	config, data string
	identity     string // of the node that must be restored; empty: any
	whole        bool   // the configuration is written too
}

// place says where a backup goes: where the configuration says, or below a directory that has no node.
func (m *Main) place(into string) (*home, error) {
	if into != "" {
		at := &home{config: filepath.Join(into, config.FileName), data: filepath.Join(into, "data"), whole: true}
		if exists(at.config) {
			return nil, usagef("%s exists already: name another directory with --into", at.config)
		}
		return at, nil
	}
	cfg, err := m.load()
	var usage usageError
	if errors.As(err, &usage) {
		return nil, usagef("there is no configuration that says where to: name one with --config, or a directory with --into")
	} else if err != nil {
		return nil, err
	}
	settings, err := cfg.Node(m.log)
	return &home{config: cfg.File, data: cfg.Data, identity: settings.Identity()}, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// beside is a configuration with the data beside it, whatever it said before. All else of it stays as it is, and so does one
// that cannot be read: the node will say what is wrong with it.
func beside(text []byte) []byte {
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.KeyValue {
			break // the first table
		}
		key := e.Key()
		if key.Next(); string(key.Node().Data) != "data" || !key.IsLast() {
			continue
		}
		old := e.Value().Raw
		return slices.Concat(text[:old.Offset], []byte(`"./data"`), text[old.Offset+old.Length:])
	}
	return text
}

// write writes the configuration of a node that is restored whole, with the data beside it.
func (h *home) write(text []byte) error {
	if !h.whole || text == nil {
		return nil
	}
	f, err := os.OpenFile(h.config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(beside(text))
	return errors.Join(err, f.Sync(), f.Close())
}

// identities are what opens a backup.
func (m *Main) identities(c *cli.Context) (with []age.Identity, err error) {
	if with, err = fromFiles("--identity", c.StringSlice("identity"), age.ParseIdentities); err != nil {
		return nil, err
	}
	if len(with) > 0 {
		if c.IsSet("passphrase-file") {
			return nil, usagef("a backup is opened with keys or with a passphrase, not with both")
		}
		return with, nil
	}
	text, err := m.passphrase(c.String("passphrase-file"), "Passphrase of the backup: ")
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(20) // a gigabyte of memory: a forged backup may ask for more
	return []age.Identity{id}, nil
}

// counted reads a file and says how much of it.
type counted struct {
	io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (r *counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.done += int64(n)
	r.progress(r.done, r.total)
	return n, err
}

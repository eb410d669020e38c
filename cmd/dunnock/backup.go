package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/storage/backup"
)

func (m *Main) backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup", Category: catNode, Usage: "write all that the node keeps into one encrypted file",
		UsageText: "dunnock [--config FILE] backup [OPTIONS]",
		Description: "Database, keys, pictures and configuration, as they are at one moment; the node may run meanwhile. The ledger of " +
			"what was disclosed to whom stays out unless asked for, and nothing that was deleted is in it. The file is encrypted with " +
			"age (age-encryption.org): to public keys, or else to a passphrase, which is asked for on a terminal or taken from the " +
			"first line of standard input. Whoever has the file and the key or passphrase is you: keep them apart. The file appears " +
			"when it is whole, and not before." +
			examples("age-keygen -o ~/dunnock-key.txt", "dunnock backup --recipient age1… --to /mnt/usb/dunnock.age",
				"dunnock backup --passphrase-file words --to - | ssh b 'cat > dunnock.age'"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "write to `FILE`, or to standard output for -; ./dunnock-DATE.age if not given"},
			&cli.BoolFlag{Name: "replace", Usage: "replace the file if there is one, once the new one is whole"},
			&cli.StringSliceFlag{Name: "recipient", Usage: "encrypt to the public `KEY`, age1…; may be repeated"},
			&cli.StringSliceFlag{Name: "recipients-file", Usage: "encrypt to the public keys in `FILE`, one a line; may be repeated"},
			passphraseFlag(),
			&cli.BoolFlag{Name: "with-ledger", Usage: "keep the ledger too"},
			jsonFlag(),
		},
		Action: m.backup,
	}
}

func (m *Main) backup(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	cfg, err := m.load()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(cfg.File)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	path := c.String("to")
	if path == "" {
		path = "dunnock-" + time.Now().Format(time.DateOnly) + ".age"
	}
	if err := m.checkOutput(path, c.Bool("replace")); err != nil {
		return err
	}
	to, err := m.recipients(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	out, err := m.output(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer out.discard()
	progress, finished := m.progress("Writing")
	report, err := node.Backup(ctx, out, to, cfg.Data, backup.Source{Config: text, Ledger: c.Bool("with-ledger"), Progress: progress})
	finished()
	if err == nil {
		err = out.keep()
	}
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted: no backup was written")
	} else if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	for _, name := range report.Missing {
		m.errors().f("warning: the picture %s cannot be read and is not in the backup: `dunnock check --deep` says more", name)
	}
	switch {
	case path == "-":
	case c.Bool("json"):
		return m.page().json(struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
			*backup.Report
		}{path, out.written, report})
	default:
		m.page().f("%s: %d rows and %d pictures, %d bytes, encrypted", path, report.Rows, report.Files, out.written)
		m.page().lines("", "Try it now and then: `dunnock restore --dry-run --into NEW-DIRECTORY FILE`.")
	}
	return nil
}

// checkOutput refuses what should not be written to, before anything is asked or done.
func (m *Main) checkOutput(path string, replace bool) error {
	if f, ok := m.Stdout.(*os.File); path == "-" && ok && term.IsTerminal(int(f.Fd())) {
		return usagef("a backup is not written to a terminal: name a file with --to, or send the output somewhere")
	}
	if _, err := os.Lstat(path); path != "-" && err == nil && !replace {
		return usagef("%s exists already: name another file with --to, or give --replace", path)
	}
	return nil
}

// recipients are whom the flags encrypt to; without any, whoever knows the passphrase.
func (m *Main) recipients(c *cli.Context) (to []age.Recipient, err error) {
	keys, files := c.StringSlice("recipient"), c.StringSlice("recipients-file")
	if len(keys)+len(files) > 0 && c.IsSet("passphrase-file") {
		return nil, usagef("a backup is encrypted to keys or to a passphrase, not to both")
	}
	for _, key := range keys {
		found, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil {
			return nil, usagef("--recipient %s is no public key of age's: such a key starts with age1, and age-keygen makes one", quoted(key))
		}
		to = append(to, found...)
	}
	found, err := fromFiles("--recipients-file", files, age.ParseRecipients)
	if err != nil {
		return nil, err
	}
	if to = append(to, found...); len(to) > 0 {
		return to, nil
	}
	text, err := m.newPassphrase(c.String("passphrase-file"))
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(text)
	return []age.Recipient{r}, err
}

// output is a file that is not there until it is whole, or the standard output.
type output struct {
	io.Writer
	file    *os.File // under another name; nil: the standard output, or kept
	path    string
	written int64
}

func (m *Main) output(path string) (*output, error) {
	if path == "-" {
		return &output{Writer: m.Stdout}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	return &output{Writer: f, file: f, path: path}, err
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.written += int64(n)
	return n, err
}

// keep gives the file its name, once it is on the disk.
func (o *output) keep() error {
	if o.file == nil {
		return nil
	}
	if err := errors.Join(o.file.Sync(), o.file.Close(), os.Rename(o.file.Name(), o.path)); err != nil {
		return err
	}
	o.file = nil
	dir, err := os.Open(filepath.Dir(o.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// discard removes what was not kept.
func (o *output) discard() {
	if o.file != nil {
		o.file.Close()
		os.Remove(o.file.Name())
	}
}

// progress shows how far long work has come, on a terminal alone and after a second. finished takes it away.
func (m *Main) progress(what string) (step func(done, total int64), finished func()) {
	f, ok := m.Stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	shown, last := false, time.Now()
	return func(done, total int64) {
			if time.Since(last) < time.Second || total == 0 {
				return
			}
			shown, last = true, time.Now()
			fmt.Fprintf(m.Stderr, "\r%s: %d %%", what, min(100, done*100/total))
		}, func() {
			if shown {
				fmt.Fprint(m.Stderr, "\r\x1b[K")
			}
		}
}

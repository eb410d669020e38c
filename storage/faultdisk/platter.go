package faultdisk

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

const sector = 512

// platter is what of a directory would survive, and what would not yet.
type platter struct {
	now     map[string]*inode // by path; nil: there is none
	synced  map[string]*inode // when the directory was last synced
	renames []rename          // since
}

// inode is a file, whatever it is called and whether or not it is called anything.
type inode struct {
	synced  []byte
	pending []change // since
}

// change is a write, or a truncation (nil data).
type change struct {
	off  int64
	data []byte
}

// rename gives a path to a file, or (nil) to none.
type rename struct {
	path string
	to   *inode
}

func newPlatter() platter {
	return platter{now: map[string]*inode{}, synced: map[string]*inode{}}
}

// look takes in what is at some paths when they are first heard of.
func (p *platter) look(paths ...string) error {
	for _, path := range paths {
		if _, known := p.now[path]; known {
			continue
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			p.now[path] = nil
			continue
		}
		if err != nil {
			return err
		}
		p.now[path] = &inode{synced: data}
		p.synced[path] = p.now[path]
	}
	return nil
}

// open finds a file, or makes it.
func (p *platter) open(path string) *inode {
	if p.now[path] == nil {
		p.rename(path, &inode{})
	}
	return p.now[path]
}

func (p *platter) rename(path string, to *inode) {
	p.now[path] = to
	p.renames = append(p.renames, rename{path, to})
}

// syncNames makes the names survive, with whatever of their files does.
func (p *platter) syncNames() {
	p.synced, p.renames = maps.Clone(p.now), nil
}

func (n *inode) write(off int64, data []byte) {
	if len(data) > 0 {
		n.pending = append(n.pending, change{off, slices.Clone(data)})
	}
}

func (n *inode) truncate(size int64) { n.pending = append(n.pending, change{off: size}) }

// sync makes what the file has survive, under whatever names survive.
func (n *inode) sync() {
	for _, c := range n.pending {
		n.synced = c.apply(n.synced, func() bool { return true })
	}
	n.pending = nil
}

// Remains writes into dir what is left on the disk after its power was cut, as chance has it, and returns a word for how.
func (d *Disk) Remains(dir string, rng *rand.Rand) (how string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	how = []string{"nothing unsynced", "everything", "some writes", "torn writes"}[rng.IntN(4)]
	maybe := func() bool { return rng.IntN(2) == 0 }
	left := maps.Clone(d.platter.synced)
	for _, r := range d.renames {
		if how == "everything" || how != "nothing unsynced" && maybe() {
			left[r.path] = r.to
		}
	}
	for _, path := range slices.Sorted(maps.Keys(left)) {
		n := left[path]
		if n == nil {
			continue
		}
		data := slices.Clone(n.synced)
		for _, c := range n.pending {
			if how == "nothing unsynced" || how == "some writes" && maybe() {
				continue
			}
			data = c.apply(data, func() bool { return how != "torn writes" || maybe() })
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o600); err != nil {
			return how, err
		}
	}
	return how, nil
}

// apply makes a change to data, each sector of it if arrives says so.
func (c change) apply(data []byte, arrives func() bool) []byte {
	if c.data == nil {
		if arrives() && c.off < int64(len(data)) {
			data = data[:c.off]
		}
		return data
	}
	for from := int64(0); from < int64(len(c.data)); {
		to := min(int64(len(c.data)), (c.off+from)/sector*sector+sector-c.off)
		if arrives() {
			if need := c.off + to; need > int64(len(data)) {
				data = append(data, make([]byte, need-int64(len(data)))...)
			}
			copy(data[c.off+from:], c.data[from:to])
		}
		from = to
	}
	return data
}

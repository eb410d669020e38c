// Package bare is the least that can deliver: RSA and net/http, without a queue, a policy, a ledger or a relay. What a delivery
// costs a node is compared with what it costs this, at the same moment and to the same servers: a busy machine is as slow for
// both.
//
// It runs as a process of its own, so that its processor time can be told from that of the servers: the same program, started
// once more. It makes its own keys, keeps nothing, and speaks to whom it is told.
package bare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Task is a round of deliveries, one to each.
type Task struct {
	Inboxes []string
	Body    []byte
	Workers int // at once; at least 1
}

// asked is set in the environment of the process that does the work.
const asked = "DUNNOCK_LOAD_BARE"

// Run does a task in a process of its own, and returns the processor time that it took, without that of starting. The program
// that calls it must call [Main] before it does anything else.
func Run(ctx context.Context, t Task) (cpu time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("a bare client: %w", err)
	}
	task, err := json.Marshal(t)
	if err != nil {
		return 0, fmt.Errorf("a bare client: %w", err)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), asked+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(task), &out, &errs
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("a bare client: %w: %s", err, &errs)
	}
	if err := json.Unmarshal(out.Bytes(), &cpu); err != nil {
		return 0, fmt.Errorf("a bare client: %w", err)
	}
	return cpu, nil
}

// Main does the task if this process was started for one, and then does not return.
func Main() {
	if os.Getenv(asked) != "1" {
		return
	}
	if err := work(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

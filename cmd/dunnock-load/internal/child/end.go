package child

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Ended is closed when the process has ended.
func (n *Node) Ended() <-chan struct{} { return n.done }

// Kill ends the process without a word (SIGKILL), and returns when it is gone. It may have ended before.
func (n *Node) Kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill() // fails if it is gone
		<-n.done
		n.cmd = nil
	}
}

// Dump ends the process with SIGQUIT, whereupon it writes what its goroutines are doing, and returns how many there are.
func (n *Node) Dump() (goroutines int, err error) {
	defer n.Kill()
	if err := n.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return 0, fmt.Errorf("ending dunnock: %w", err)
	}
	select {
	case <-n.done:
	case <-time.After(time.Minute):
		return 0, errors.New("dunnock does not end at SIGQUIT")
	}
	return strings.Count(n.log.String(), "\ngoroutine "), nil
}

// Stop ends the process as its owner would, and wants it to end well within a minute.
func (n *Node) Stop() error {
	if n.cmd == nil {
		return nil
	}
	defer n.Kill()
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stopping dunnock: %w\n%s", err, n.log.String())
	}
	select {
	case <-n.done:
	case <-time.After(time.Minute):
		return fmt.Errorf("dunnock does not stop:\n%s", n.log.String())
	}
	if !n.cmd.ProcessState.Success() {
		return fmt.Errorf("dunnock ended badly (%s):\n%s", n.cmd.ProcessState, n.log.String())
	}
	return nil
}

package wireguard

import (
	"io"
	"testing"

	"gvisor.dev/gvisor/pkg/log"
)

// gVisor's own logger, which would name addresses of packets, reaches nobody once there is a stack.
func TestLibraryIsSilent(t *testing.T) {
	stack, wire, err := newStack(parsed(t, provider))
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Destroy()
	defer wire.Close()
	if to, ok := log.Log().Emitter.(*log.Writer); !ok || to.Next != io.Discard {
		t.Errorf("warnings of the library go to %T", log.Log().Emitter)
	}
}

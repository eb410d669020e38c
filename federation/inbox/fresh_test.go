package inbox

import (
	"fmt"
	"testing"
)

func TestFreshIsBoundedAndForgets(t *testing.T) {
	var f fresh
	for i := range 100 {
		f.put(&activity{actor: "a", id: fmt.Sprint(i), size: maxFresh / 10})
	}
	kept := 0
	for i := range 100 {
		if f.take("a", fmt.Sprint(i)) != nil {
			kept++
		}
		if f.take("a", fmt.Sprint(i)) != nil {
			t.Error("taken twice")
		}
	}
	if kept != 10 || f.size != 0 || len(f.known) != 0 {
		t.Errorf("%d kept, then %d bytes of %d left", kept, f.size, len(f.known))
	}
	f.put(&activity{actor: "a", id: "1", size: 10})
	f.put(&activity{actor: "a", id: "1", size: 20})
	if f.take("b", "1") != nil || f.take("a", "1").size != 10 || f.size != 0 {
		t.Error("the same id twice is one activity, and each actor's its own")
	}
}

package config

import (
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/retention"
)

func TestRetentionReachesTheNode(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]retention.Keep{
		"":                            {},
		"[retention]\nposts = \"2w\"": {Posts: 14 * day},
		"[retention]\nposts = \"1d\"\nnotifications = \"60d\"\nledger = \"1d12h\"": {Posts: day, Notifications: 60 * day, Ledger: 36 * time.Hour},
	} {
		c, faults := Parse([]byte(valid+text), "dunnock.toml")
		if faults != nil {
			t.Fatal(faults)
		}
		n, err := c.Node(nil)
		if err != nil || n.Keep != want {
			t.Errorf("%q: %+v, %v", text, n.Keep, err)
		}
	}
}

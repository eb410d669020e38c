package hardening

import "testing"

func TestEchoed(t *testing.T) {
	for body, want := range map[string]string{
		"192.0.2.7\n": "192.0.2.7", " 2001:db8::7 ": "2001:db8::7",
		"fl=1\nh=1.1.1.1\nip=192.0.2.7\nts=1\n": "192.0.2.7", "ip=2001:db8::7": "2001:db8::7",
		"": "", "h=1.1.1.1\n": "", "hello": "", "ip=\n": "", "fe80::1%eth0": "", "192.0.2.7, 192.0.2.8": "",
	} {
		addr, err := echoed(body)
		if (err == nil) != (want != "") || err == nil && addr.String() != want {
			t.Errorf("%q: %v, %v", body, addr, err)
		}
	}
}

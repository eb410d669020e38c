package main

import "testing"

// TestBeside: the data of a node that is restored whole is beside its configuration, however that names it.
func TestBeside(t *testing.T) {
	for given, want := range map[string]string{
		"domain = \"a\"\ndata = \"/srv\"\n":               "domain = \"a\"\ndata = \"./data\"\n",
		"\"data\" = \"/srv\" # \"here\"\nx = 1\n":         "\"data\" = \"./data\" # \"here\"\nx = 1\n",
		"  'data'\t=\t'/srv'\r\n[data]\r\ndata = 'x'\r\n": "  'data'\t=\t\"./data\"\r\n[data]\r\ndata = 'x'\r\n",
		"\"d\\u0061ta\" = \"/srv\"":                       "\"d\\u0061ta\" = \"./data\"",
		"data = \"\"\"\n/srv\"\"\"\nx = 1":                "data = \"./data\"\nx = 1",
		"x = \"\"\"\ndata = 'x'\n\"\"\"\ndata = '/srv'":   "x = \"\"\"\ndata = 'x'\n\"\"\"\ndata = \"./data\"",
		// Nothing to change: the default is beside it.
		"data.x = 1\n# data = 'x'\n[listen]\ndata = 'x'\n": "data.x = 1\n# data = 'x'\n[listen]\ndata = 'x'\n",
		"":                 "",
		"[\ndata = '/srv'": "[\ndata = '/srv'",
	} {
		if got := string(beside([]byte(given))); got != want {
			t.Errorf("%q became %q, not %q", given, got, want)
		}
	}
}

package hostname

import "strings"

// Match brings what hosts are chosen by to its one form: a host, with or without a port, as [Canonical] has it, or "*." and
// one without a port, for all names below it but not for itself. "*.onion" is every onion service.
func Match(text string) (string, error) {
	below, wild := strings.CutPrefix(text, "*.")
	host, err := Canonical(below, !wild)
	if err != nil {
		return "", err
	}
	if wild && strings.HasPrefix(host, "[") {
		return "", invalid("nothing is below an address")
	}
	if wild {
		return "*." + host, nil
	}
	return host, nil
}

// Longest is what a table by [Match] has for a host in canonical form: what stands at the host itself, with its port and then
// without, else at the longest of the names that it is below. ok is false where there is nothing.
func Longest[T any](table map[string]T, host string) (value T, match string, ok bool) {
	if value, ok = table[host]; ok {
		return value, host, true
	}
	name, _, _ := strings.Cut(host, ":")
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']') + 1
		value, ok = table[host[:end]]
		return value, host[:end], ok
	}
	if value, ok = table[name]; ok {
		return value, name, true
	}
	for rest := name; ; {
		_, after, more := strings.Cut(rest, ".")
		if !more {
			return value, "", false
		}
		if value, ok = table["*."+after]; ok {
			return value, "*." + after, true
		}
		rest = after
	}
}

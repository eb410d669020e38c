package storagetest

import (
	"fmt"
	"strings"
)

// words are what posts say.
var words = strings.Repeat("A small brown bird goes unnoticed under the hedge while the others sing. ", 6)

// random is the nth of numbers that look random but are the same each time: multiples of the golden ratio. As parts of
// keys they visit the pages of an index in no order, as the URLs of many servers do.
func random(n string) string { return fmt.Sprintf("((%s) * 2654435761 %% 4294967296)", n) }

func (s sizes) owner() string { return "'" + strings.ReplaceAll(s.Owner, "'", "''") + "'" }

// host and actor name the kth of all people.
func (s sizes) host(k string) string {
	return fmt.Sprintf("('h' || ((%s) %% %d) || '.example')", k, s.hosts)
}
func (s sizes) actor(k string) string {
	return fmt.Sprintf("('https://' || %s || '/users/u' || (%s))", s.host(k), k)
}

// author and uri are of the nth post. Four of five are by somebody whom the owner follows.
func (s sizes) author(n string) string {
	return s.actor(fmt.Sprintf("%s %% CASE WHEN (%s) %% 10 < 8 THEN %d ELSE %d END", random(n), n, s.followed, s.actors))
}
func (s sizes) uri(n string) string {
	return fmt.Sprintf("(%s || '/statuses/' || printf('%%010d', %s))", s.author(n), random(n))
}

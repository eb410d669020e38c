package node_test

import "testing"

// TestAttackHTMLMediaNamesPeople: what strangers write, what files and names can be made to mean, and who may see what.
func TestAttackHTMLMediaNamesPeople(t *testing.T) {
	section(t, []row{
		{"CVE-2025-53941, snac 2.37, Pleroma 1.0", "forms, scripts, schemes, quotes, in every field", hostileFields},
		{"CVE-2023-36462", "the text of a link hides its host", hiddenHosts},
		{"CVE-2023-36460", "a name or a type decides what becomes of a file", polyglots},
		{"Pleroma 2.5.3", "paths out of the folder", traversal},
		{"Pleroma 2.2", "an upload is served as a script or an activity", servedTypes},
		{"CVE-2026-25808", "lists, replies and pages leak what is not for all", crawl},
		{"GHSA-gwhw", "the forbidden differs from the absent", forbiddenIsAbsent},
		{"GHSA-ccpr", "a cache shows one viewer what was for another", caches},
		{"generic", "bto and bcc are told", blindCopies},
		{"Akkoma 2024.04, Pleroma 2.7", "WebFinger names a subject of another domain", subjects},
		{"CVE-2023-42451", "a name that is cleaned into another domain", namesWithSigns},
		{"Misskey, GoToSocial #1743", "other spellings of a host escape a block", spellings},
		{"CVE-2023-49952, CVE-2025-54879", "a forged X-Forwarded-For beats limits", forwardedFor},
		{"GHSA-xqw8", "a path that reads as another host", openRedirects},
	})
}

package discovery

import "net/http"

// nodeInfoIndex says where NodeInfo is.
func (h handler) nodeInfoIndex(w http.ResponseWriter, r *http.Request) {
	view, err := h.view(r, "jrd", h.at("/.well-known/nodeinfo"), map[string]any{"links": []any{map[string]any{
		"rel": "http://nodeinfo.diaspora.software/ns/schema/2.1", "href": h.at("/nodeinfo/2.1"),
	}}})
	h.answer(w, typeJSON, view, err)
}

// nodeInfo is the least that is valid against the schema of NodeInfo 2.1. The version of the software is "0" for ever.
func (h handler) nodeInfo(w http.ResponseWriter, r *http.Request) {
	view, err := h.view(r, "nodeinfo", h.at("/nodeinfo/2.1"), map[string]any{
		"version":           "2.1",
		"software":          map[string]any{"name": "dunnock", "version": "0"},
		"protocols":         []any{"activitypub"},
		"services":          map[string]any{"inbound": []any{}, "outbound": []any{}},
		"openRegistrations": false,
		"usage":             map[string]any{"users": map[string]any{}},
		"metadata":          map[string]any{},
	})
	h.answer(w, typeNodeInfo, view, err)
}

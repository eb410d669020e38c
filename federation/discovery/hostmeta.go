package discovery

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
)

// lrdd leads from host-meta to WebFinger (RFC 6415, section 3.1). Servers whose handles are of another domain than they
// answer under are found by it.
func (h handler) lrdd(r *http.Request, object string) ([]byte, error) {
	return h.view(r, "jrd", object, map[string]any{"links": []any{map[string]any{
		"rel": "lrdd", "type": typeJRD, "template": h.at("/.well-known/webfinger") + "?resource={uri}",
	}}})
}

func (h handler) hostMetaJSON(w http.ResponseWriter, r *http.Request) {
	view, err := h.lrdd(r, h.at("/.well-known/host-meta.json"))
	h.answer(w, typeJSON, view, err)
}

// hostMeta is the same as XML, made from the view and nothing else.
func (h handler) hostMeta(w http.ResponseWriter, r *http.Request) {
	view, err := h.lrdd(r, h.at("/.well-known/host-meta"))
	if err == nil {
		view, err = asXRD(view)
	}
	h.answer(w, typeXRD, view, err)
}

// xrd is an Extensible Resource Descriptor 1.0, as far as a view of kind "jrd" has what goes into one.
type xrd struct {
	XMLName xml.Name `json:"-" xml:"http://docs.oasis-open.org/ns/xri/xrd-1.0 XRD"`
	Links   []struct {
		Rel      string `json:"rel" xml:"rel,attr"`
		Type     string `json:"type" xml:"type,attr,omitempty"`
		Href     string `json:"href" xml:"href,attr,omitempty"`
		Template string `json:"template" xml:"template,attr,omitempty"`
	} `json:"links" xml:"Link"`
}

func asXRD(jrd []byte) ([]byte, error) {
	var doc xrd
	if err := json.Unmarshal(jrd, &doc); err != nil {
		return nil, fmt.Errorf("host-meta: %w", err)
	}
	body, err := xml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("host-meta: %w", err)
	}
	return append([]byte(xml.Header), body...), nil
}

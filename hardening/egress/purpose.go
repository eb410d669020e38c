package egress

// Purpose is why a request is made. Requests of two purposes share no connection. The zero value is not a purpose.
type Purpose uint8

// The purposes. Only Federation is signed: a signature names the owner, and would put a name to whatever else its
// connection carries.
const (
	Federation  Purpose = iota + 1 // deliveries and signed fetches
	Lookup                         // WebFinger, host-meta, NodeInfo
	Media                          // pictures, sound and video of remote posts
	Preview                        // pages that posts link to
	Certificate                    // ACME
	Names                          // DNS over HTTPS
	Trial                          // the owner's test of a relay
	Look                           // the node's own name, as visitors find it
)

var purposeNames = [...]string{
	Federation: "federation", Lookup: "lookup", Media: "media", Preview: "preview",
	Certificate: "certificate", Names: "names", Trial: "trial", Look: "look",
}

// Valid reports whether p is one of the purposes above.
func (p Purpose) Valid() bool { return p > 0 && int(p) < len(purposeNames) }

// String gives the name used in the ledger, or "invalid".
func (p Purpose) String() string {
	if !p.Valid() {
		return "invalid"
	}
	return purposeNames[p]
}

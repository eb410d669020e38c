// Package layout holds the house in order: its tests fail when a package imports what it should not, or opens a socket
// that is not its own to open. It has no code to call.
package layout

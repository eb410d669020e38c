package node

// Patterns are all routes of the node: those of the world, and those of the owner alone.
func (n *Node) Patterns() (world, owners []string) {
	for _, r := range n.world {
		world = append(world, r.pattern)
	}
	for _, r := range n.owners {
		owners = append(owners, r.pattern)
	}
	return world, owners
}

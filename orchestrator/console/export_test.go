package console

// Operations returns the methods of every path that has a handler.
func (c *Console) Operations() map[string][]string {
	all := map[string][]string{}
	for path, methods := range c.operations() {
		for method := range methods {
			all[path] = append(all[path], method)
		}
	}
	return all
}

// Followed is how many sagas are followed for somebody, and Read by how many
// streams.
func (c *Console) Followed() (sagas, streams int) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	return len(c.hub.topics), c.hub.streams
}

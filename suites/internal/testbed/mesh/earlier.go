package mesh

import (
	"fmt"
	"sync"
)

// earlierConnections are those of questions that are answered. What is logged of them from now on is late, and no evidence for another question.
type earlierConnections struct {
	mu sync.Mutex
	// By the address from which they came, as a log names it, "10.244.0.15:51212": those of curl, and those by which proxies passed them on.
	opened, passedOn map[string]bool
}

// add takes down the connections of a question that has been answered.
func (c *earlierConnections) add(w *watchedLogs) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened == nil {
		c.opened, c.passedOn = map[string]bool{}, map[string]bool{}
	}
	for port := range w.ports {
		c.opened[fmt.Sprintf("%s:%d", w.client, port)] = true
	}
	for address := range w.hops {
		c.passedOn[address] = true
	}
}

func (c *earlierConnections) wasOpened(from string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened[from]
}

func (c *earlierConnections) wasPassedOn(from string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passedOn[from]
}

// SPDX-License-Identifier: MIT

// spawn_join: start one goroutine, wait for it, again; ns each.
package main

import (
	"sync"
	"time"
)

func worker(wg *sync.WaitGroup) {
	wg.Done()
}

func run(n int) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for i := 0; i < n; i++ {
		wg.Add(1)
		go worker(&wg)
		wg.Wait()
	}
	return time.Since(start)
}

func main() {
	perOp("spawn_join", spawnN, run)
}

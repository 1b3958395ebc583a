// SPDX-License-Identifier: MIT

// spawn_batch: start 1,000 goroutines that do nothing, wait for all, again; ns each.
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
	for done := 0; done < n; done += batch {
		wg.Add(batch)
		for i := 0; i < batch; i++ {
			go worker(&wg)
		}
		wg.Wait()
	}
	return time.Since(start)
}

func main() {
	perOp("spawn_batch", spawnN, run)
}
